//! Jobs of every kind that the model knows.

use std::collections::BTreeSet;

use bytes::Bytes;
use drover_model::{
    Cancellation, Deadline, DeadlineAction, FailureRule, JobSpec, OnDisconnect, Priority,
    Resources, RetryRule, Rules, StepSpec, TaskSpec,
};

use super::{PlannedJob, Poison, Profile};
use crate::{random::Random, setting::Setting};

const EXIT_CODES: &[i32] = &[1, 2, 3, 137];

/// Codes after which another attempt may follow, and codes after which none does.
const EXIT_CODE_RULES: &[(&[i32], &[i32])] =
    &[(&[], &[]), (&[], &[]), (&[1, 2], &[3]), (&[], &[2])];

pub(super) fn plan(number: u32, setting: &Setting, random: &mut Random) -> PlannedJob {
    let failure_rule = *random.pick(&[
        FailureRule::FailFast,
        FailureRule::Continue,
        FailureRule::Rollback,
    ]);
    let shape = Shape::draw(random);
    // Half of the jobs go well.
    let trouble = if random.chance(500) { 30 } else { 300 };
    let mut profiles = Vec::new();
    let mut tasks: Vec<TaskSpec> = (0..shape.needs.len())
        .map(|task| {
            let rules = rules(random);
            let profile = profile(&rules, trouble, random);
            profiles.push(profile);
            TaskSpec {
                needs: shape.needs[task].iter().copied().collect(),
                finally: shape.finally[task],
                step: step(number, task as u32, rules, &profile, random),
                undo: None,
            }
        })
        .collect();
    let undoable = failure_rule == FailureRule::Rollback || random.chance(300);
    add_undo_steps(number, undoable, &mut tasks, &mut profiles, random);
    let failure_rule = match failure_rule {
        FailureRule::Rollback if tasks.iter().all(|task| task.undo.is_none()) => {
            FailureRule::FailFast
        }
        rule => rule,
    };
    let (deadline, deadline_action) = deadline(random);
    PlannedJob {
        submit_at_ms: 1_000 + random.below(setting.faulty_ms * 4 / 5),
        spec: JobSpec {
            namespace: (*random.pick(&["default", "default", "lab"])).into(),
            queue: (*random.pick(&["default", "batch"])).into(),
            priority: Priority::new(random.below(101) as u32).unwrap_or_default(),
            deadline,
            deadline_action,
            failure_rule,
            tasks,
        },
        profiles,
        with_request_id: random.chance(850),
        with_previous: random.chance(150),
        cancellations: cancellations(random),
        replay: random.chance(500).then(|| random.chance(600)),
        poison: match random.below(300) {
            0 => Poison::Submit,
            1 => Poison::Rows,
            2 => Poison::Panic,
            _ => Poison::No,
        },
    }
}

/// Who needs whom.
struct Shape {
    needs: Vec<BTreeSet<u32>>,
    finally: Vec<bool>,
}

impl Shape {
    fn draw(random: &mut Random) -> Self {
        let count = random.spread(1, 16) as usize;
        let mut order: Vec<u32> = (0..count as u32).collect();
        for place in (1..count).rev() {
            order.swap(place, random.below(place as u64 + 1) as usize);
        }
        let with_finally = count > 1 && random.chance(350);
        let mut finally = vec![false; count];
        for task in order.iter().skip(1) {
            finally[*task as usize] = with_finally && random.chance(300);
        }
        let mut needs = vec![BTreeSet::new(); count];
        for (place, task) in order.iter().enumerate() {
            for _ in 0..random.below(3) {
                let Some(needed) = order[..place].get(random.below(place as u64 + 1) as usize)
                else {
                    continue;
                };
                if finally[*needed as usize] == finally[*task as usize] {
                    needs[*task as usize].insert(*needed);
                }
            }
        }
        Self { needs, finally }
    }
}

fn add_undo_steps(
    number: u32,
    undoable: bool,
    tasks: &mut [TaskSpec],
    profiles: &mut Vec<Profile>,
    random: &mut Random,
) {
    let count = tasks.len() as u32;
    for (task, spec) in (0..).zip(tasks.iter_mut()) {
        let rules = Rules {
            retry: RetryRule {
                retries: random.below(4) as u32,
                backoff_ms: random.between(50, 1_000),
                ..RetryRule::default()
            },
            timeout_ms: random.chance(300).then(|| random.between(3_000, 10_000)),
            ..rules(random)
        };
        let trouble = *random.pick(&[0, 200, 400]);
        let profile = Profile {
            does_not_start: 0,
            ..profile(&rules, trouble, random)
        };
        profiles.push(profile);
        if undoable && !spec.finally && random.chance(700) {
            let resources = spec.step.resources;
            spec.undo = Some(StepSpec {
                resources,
                ..step(number, count + task, rules, &profile, random)
            });
        }
    }
}

fn step(number: u32, step: u32, rules: Rules, profile: &Profile, random: &mut Random) -> StepSpec {
    // What no node can hold would wait for ever.
    let impossible = rules.start_timeout_ms.is_some() && random.chance(60);
    let cores = if impossible { 64 } else { random.spread(1, 8) };
    let mut payload = number.to_be_bytes().to_vec();
    payload.extend(step.to_be_bytes());
    StepSpec {
        payload: Bytes::from(payload),
        resources: Resources {
            cpu_millis: cores * 1_000,
            memory_bytes: random.below(cores << 30),
            gpus: u32::from(random.chance(30)),
            disk_bytes: 0,
        },
        rules,
        estimate_ms: (profile.run_ms.0 + profile.run_ms.1) / 2,
    }
}

fn rules(random: &mut Random) -> Rules {
    Rules {
        retry: retry(random),
        start_timeout_ms: random.chance(200).then(|| random.between(1_000, 60_000)),
        timeout_ms: random.chance(350).then(|| random.between(1_000, 30_000)),
        grace_ms: random.between(100, 5_000) as u32,
        on_disconnect: *random.pick(&[OnDisconnect::Keep, OnDisconnect::Stop]),
    }
}

fn retry(random: &mut Random) -> RetryRule {
    if random.chance(200) {
        return RetryRule {
            rerun_lost: false,
            ..RetryRule::default()
        };
    }
    let (exit_codes, fatal_exit_codes) = *random.pick(EXIT_CODE_RULES);
    RetryRule {
        retries: random.below(4) as u32,
        max_lost: 1 + random.below(4) as u32,
        exit_codes: exit_codes.into(),
        fatal_exit_codes: fatal_exit_codes.into(),
        backoff_ms: random.between(10, 2_000),
        factor_permille: random.between(1_000, 3_000) as u32,
        max_backoff_ms: random.between(1_000, 20_000),
        ..RetryRule::default()
    }
}

fn profile(rules: &Rules, trouble: u64, random: &mut Random) -> Profile {
    let shortest = random.spread(20, 20_000);
    Profile {
        run_ms: (shortest, shortest * 3 / 2),
        fails: trouble,
        exit_codes: EXIT_CODES,
        hangs: if rules.timeout_ms.is_some() { 100 } else { 0 },
        stalls: trouble / 8,
        does_not_start: trouble / 16,
        term_ms: random.spread(5, 8_000),
    }
}

fn deadline(random: &mut Random) -> (Option<Deadline>, DeadlineAction) {
    if random.chance(500) {
        return (None, DeadlineAction::None);
    }
    let action = *random.pick(&[
        DeadlineAction::None,
        DeadlineAction::Cancel,
        DeadlineAction::Escalate,
    ]);
    let after_ms = match action {
        // While it still has something to start.
        DeadlineAction::Escalate => random.spread(500, 30_000),
        DeadlineAction::None | DeadlineAction::Cancel => random.between(2_000, 120_000),
    };
    (Some(Deadline::After(after_ms)), action)
}

/// Now and then somebody stops a job, sometimes a second time, harder.
fn cancellations(random: &mut Random) -> Vec<(u64, Cancellation)> {
    let mut times = Vec::new();
    if random.chance(250) {
        let how = *random.pick(&[
            Cancellation::Stop,
            Cancellation::RollBack,
            Cancellation::RollBack,
            Cancellation::Abandon,
        ]);
        let after_ms = random.spread(100, 60_000);
        times.push((after_ms, how));
        if random.chance(300) {
            times.push((after_ms + random.spread(100, 20_000), Cancellation::Abandon));
        }
    }
    times
}
