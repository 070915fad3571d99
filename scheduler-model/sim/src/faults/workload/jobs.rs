//! Jobs of every kind that the model knows.

use std::sync::Arc;

use drover_model::{Cancellation, Deadline, DeadlineAction, FailureRule, JobSpec, Priority};

use super::{
    PlannedJob, Poison,
    shape::Shape,
    units::{Mood, Units},
};
use crate::{faults::setting::Setting, random::Random};

pub(super) fn plan(number: u32, setting: &Setting, random: &mut Random) -> PlannedJob {
    let failure_rule = *random.pick(&[
        FailureRule::FailFast,
        FailureRule::Continue,
        FailureRule::Rollback,
    ]);
    let shape = Shape::draw(random);
    // Half of the jobs go well.
    let trouble = if random.chance(500) { 30 } else { 300 };
    let mood = Mood {
        trouble,
        undoable: failure_rule == FailureRule::Rollback || random.chance(300),
    };
    let units = Units::draw(number, &shape, &mood, setting, random);
    let failure_rule = match failure_rule {
        FailureRule::Rollback if units.tasks.iter().all(|task| task.undo.is_none()) => {
            FailureRule::FailFast
        }
        rule => rule,
    };
    let (deadline, deadline_action) = deadline(random);
    PlannedJob {
        submit_at_ms: 1_000 + random.below(setting.faulty_ms * 4 / 5),
        spec: Arc::new(JobSpec {
            namespace: (*random.pick(&["default", "default", "lab"])).into(),
            queue: (*random.pick(&["default", "batch"])).into(),
            priority: priority(random),
            deadline,
            deadline_action,
            failure_rule,
            tasks: units.tasks,
            groups: units.groups,
            may_preempt: random.chance(250),
        }),
        steps: units.steps,
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

fn priority(random: &mut Random) -> Priority {
    if random.chance(100) {
        return Priority::URGENT;
    }
    Priority::new(random.below(101) as u32).unwrap_or_default()
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
