//! Random histories: whatever happens, nothing overcommits, memory and store agree, order holds, every job ends.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use drover_model::{
    Action, AttemptKey, AttemptState, CallerId, Cancellation, Carried, Deadline, DeadlineAction,
    Event, FailureRule, Heard, Intent, JobId, JobSpec, JobState, NewJob, Outcome, Priority, Report,
    ReportKind, Resources, RetryRule, Rules, SessionId, StepSpec, TaskSpec, cluster::Config,
    dispatch::Mode, policy,
};
use proptest::prelude::*;
use support::{Turned, World, cpus, join, payload, reports};

const NODES: [(&str, u64); 3] = [("n1", 2), ("n2", 4), ("n3", 8)];

#[derive(Clone, Debug)]
enum Happening {
    Submit {
        tasks: Vec<TaskPlan>,
        rule: FailureRule,
        deadline: Option<(u64, DeadlineAction)>,
    },
    Replay(usize),
    Start(usize),
    End(usize, u8),
    Cancel(usize, Cancellation),
    Pass(u64),
    Cut(usize),
    Rejoin {
        node: usize,
        restarted: bool,
    },
    Crash,
}

#[derive(Clone, Debug)]
struct TaskPlan {
    cpu: u64,
    seconds: u64,
    retries: u32,
    needs: Vec<usize>,
    finally: bool,
    undo: bool,
}

fn task_plan() -> impl Strategy<Value = TaskPlan> {
    let shape = (1..=8u64, 1..=90u64, 0..=2u32);
    let needs = prop::collection::vec(0..6usize, 0..3);
    (shape, needs, 0..6u8, any::<bool>()).prop_map(
        |((cpu, seconds, retries), needs, last, undo)| TaskPlan {
            cpu,
            seconds,
            retries,
            needs,
            finally: last == 0,
            undo,
        },
    )
}

fn happening() -> impl Strategy<Value = Happening> {
    let rule = prop::sample::select(vec![
        FailureRule::FailFast,
        FailureRule::Continue,
        FailureRule::Rollback,
    ]);
    let action = prop::sample::select(vec![
        DeadlineAction::None,
        DeadlineAction::Cancel,
        DeadlineAction::Escalate,
    ]);
    let how = prop::sample::select(vec![
        Cancellation::Stop,
        Cancellation::RollBack,
        Cancellation::Abandon,
    ]);
    let deadline = prop::option::of((1..60u64, action));
    prop_oneof![
        4 => (prop::collection::vec(task_plan(), 1..6), rule, deadline)
            .prop_map(|(tasks, rule, deadline)| Happening::Submit { tasks, rule, deadline }),
        1 => any::<usize>().prop_map(Happening::Replay),
        6 => any::<usize>().prop_map(Happening::Start),
        12 => (any::<usize>(), 0..8u8).prop_map(|(which, how)| Happening::End(which, how)),
        1 => (any::<usize>(), how).prop_map(|(which, how)| Happening::Cancel(which, how)),
        3 => (0..4_000u64).prop_map(Happening::Pass),
        1 => (0..NODES.len()).prop_map(Happening::Cut),
        2 => (0..NODES.len(), any::<bool>()).prop_map(|(node, restarted)| Happening::Rejoin { node, restarted }),
        1 => Just(Happening::Crash),
    ]
}

/// The world and what its agents know.
struct History {
    world: World,
    /// By node: session and what the agent holds. `None`: cut off.
    agents: BTreeMap<&'static str, (Option<SessionId>, u64, BTreeSet<AttemptKey>)>,
    needs: BTreeMap<JobId, Vec<Box<[u32]>>>,
}

impl History {
    fn new(policy: &str, mode: Mode) -> Self {
        let policy = policy::find(policy).expect("a built-in policy");
        let world = World::new(Config {
            policy,
            mode,
            ..Config::default()
        });
        let agents = NODES
            .iter()
            .map(|(name, _)| (*name, (None, 0, BTreeSet::new())))
            .collect();
        let mut history = Self {
            world,
            agents,
            needs: BTreeMap::new(),
        };
        for node in 0..NODES.len() {
            history.happen(&Happening::Rejoin {
                node,
                restarted: true,
            });
        }
        history
    }

    fn happen(&mut self, happening: &Happening) {
        let events = match happening {
            Happening::Submit {
                tasks,
                rule,
                deadline,
            } => self.submit(tasks, *rule, *deadline),
            Happening::Replay(which) => self.replay(*which),
            Happening::Start(which) => self.report(*which, None),
            Happening::End(which, how) => self.report(*which, Some(*how)),
            Happening::Cancel(which, how) => self.cancel(*which, *how),
            Happening::Pass(ms) => self.pass(*ms),
            Happening::Cut(node) => self.cut(NODES[*node].0),
            Happening::Rejoin { node, restarted } => self.rejoin(NODES[*node], *restarted),
            Happening::Crash => {
                self.world.reload();
                for (session, ..) in self.agents.values_mut() {
                    *session = None;
                }
                vec![Event::Tick]
            }
        };
        let turned = self.world.turn(events);
        self.perform(&turned);
        self.world.assert_durable();
        self.assert_order(&turned);
    }

    fn submit(
        &mut self,
        plans: &[TaskPlan],
        failure_rule: FailureRule,
        deadline: Option<(u64, DeadlineAction)>,
    ) -> Vec<Event> {
        // At least one task is none of the last, and those need only each other.
        let finally: Vec<bool> = (plans.iter().enumerate())
            .map(|(place, plan)| place > 0 && plan.finally)
            .collect();
        let tasks = plans.iter().enumerate().map(|(place, plan)| TaskSpec {
            needs: (plan.needs.iter())
                .filter(|needed| **needed < place && finally[**needed] == finally[place])
                .map(|needed| *needed as u32)
                .collect::<BTreeSet<u32>>()
                .into_iter()
                .collect(),
            finally: finally[place],
            step: step(plan, plan.cpu, plan.retries),
            undo: (plan.undo && !finally[place]).then(|| step(plan, 1, 1)),
        });
        let spec = JobSpec {
            namespace: "default".into(),
            queue: if self.needs.len().is_multiple_of(2) {
                "even".into()
            } else {
                "odd".into()
            },
            priority: Priority::default(),
            deadline: deadline.map(|(seconds, _)| Deadline::After(seconds * 1_000)),
            deadline_action: deadline.map_or(DeadlineAction::None, |(_, action)| action),
            failure_rule,
            tasks: tasks.collect(),
        };
        self.submit_spec(spec, None, Vec::new())
    }

    fn submit_spec(
        &mut self,
        spec: JobSpec,
        replay_of: Option<JobId>,
        carried: Vec<Carried>,
    ) -> Vec<Event> {
        let id = JobId::from_u128(self.needs.len() as u128 + 1);
        let needs = spec.tasks.iter().map(|task| task.needs.clone()).collect();
        self.needs.insert(id, needs);
        self.world.store.specs.insert(id, spec.clone());
        vec![self.world.submit(NewJob {
            id,
            name: "job".into(),
            stored_spec: payload(&format!("{spec:?}")),
            spec,
            request_id: None,
            traceparent: None,
            replay_of,
            carried,
        })]
    }

    /// One that is dead, with what had succeeded, unless that was undone.
    fn replay(&mut self, which: usize) -> Vec<Event> {
        let stored = &self.world.store;
        let failed = |row: &&drover_model::JobRow| {
            matches!(row.state, JobState::Failed | JobState::TimedOut)
        };
        let dead: Vec<JobId> = stored
            .jobs
            .values()
            .map(|(row, _)| row)
            .filter(failed)
            .map(|row| row.id)
            .collect();
        if dead.is_empty() {
            return Vec::new();
        }
        let old = dead[which % dead.len()];
        let spec = stored.specs[&old].clone();
        let done = stored.attempts.values().filter(|row| {
            row.key.job == old
                && row.state == AttemptState::Succeeded
                && (row.key.task as usize) < spec.tasks.len()
                && !spec.tasks[row.key.task as usize].finally
        });
        let carried = done.map(|row| Carried {
            task: row.key.task,
            node: row.node.clone(),
            assigned_at: row.assigned_at,
            started_at: row.started_at.expect("it ran"),
            ended_at: row.ended_at.expect("it ended"),
        });
        let carried = carried.collect();
        self.submit_spec(spec, Some(old), carried)
    }

    /// `how`: `None` starts, 0 fails, 1 reports something stale, 2 stalls, 3 was fenced, else succeeds.
    fn report(&mut self, which: usize, how: Option<u8>) -> Vec<Event> {
        let running: Vec<(&str, SessionId, AttemptKey)> = self
            .agents
            .iter()
            .filter_map(|(name, (session, _, held))| Some((*name, (*session)?, held)))
            .flat_map(|(name, session, held)| held.iter().map(move |key| (name, session, *key)))
            .collect();
        if running.is_empty() {
            return Vec::new();
        }
        let (name, session, mut key) = running[which % running.len()];
        let at = self.world.now;
        let what = match how {
            None => ReportKind::Started { at },
            Some(how) => {
                if how == 1 {
                    key.attempt += 1;
                } else {
                    self.agents.get_mut(name).expect("an agent").2.remove(&key);
                }
                ReportKind::Ended {
                    started_at: at,
                    ended_at: at,
                    outcome: match how {
                        0 => Outcome::Failed,
                        2 => Outcome::Stalled,
                        3 => Outcome::Fenced,
                        _ => Outcome::Succeeded,
                    },
                    exit_code: (how == 0).then_some((which % 3) as i32 + 1),
                    message: None,
                }
            }
        };
        vec![reports(session, vec![Report { key, what }])]
    }

    fn cancel(&mut self, which: usize, how: Cancellation) -> Vec<Event> {
        if self.needs.is_empty() {
            return Vec::new();
        }
        vec![Event::Cancel {
            caller: CallerId(1),
            job: JobId::from_u128((which % self.needs.len()) as u128 + 1),
            how,
            reason: "".into(),
        }]
    }

    fn pass(&mut self, ms: u64) -> Vec<Event> {
        self.world.now = self.world.now.plus_ms(ms);
        let sessions = self.agents.values().filter_map(|(session, ..)| *session);
        let heard = sessions.map(|session| Heard {
            session,
            at: self.world.now,
            cpu_permille: 0,
            memory_permille: 0,
        });
        vec![Event::Heard(heard.collect()), Event::Tick]
    }

    fn cut(&mut self, name: &str) -> Vec<Event> {
        let session = self.agents.get_mut(name).expect("an agent").0.take();
        session
            .map(|session| Event::Left { session })
            .into_iter()
            .collect()
    }

    fn rejoin(&mut self, (name, cpu): (&'static str, u64), restarted: bool) -> Vec<Event> {
        let session = self.world.next_session();
        let agent = self.agents.get_mut(name).expect("an agent");
        agent.0 = Some(session);
        if restarted {
            agent.1 += 1;
            agent.2.clear();
        }
        let running = agent.2.iter().copied().collect();
        vec![Event::Join {
            session,
            join: join(name, agent.1, cpus(cpu), running),
        }]
    }

    fn perform(&mut self, turned: &Turned) {
        for action in &turned.actions {
            let agent =
                |wanted: SessionId,
                 agents: &mut BTreeMap<&'static str, (Option<SessionId>, u64, _)>| {
                    let found = agents.iter().find(|(_, agent)| agent.0 == Some(wanted));
                    found.map(|(name, _)| *name)
                };
            match action {
                Action::Assign {
                    session,
                    assignment,
                } => {
                    if let Some(name) = agent(*session, &mut self.agents) {
                        self.agents
                            .get_mut(name)
                            .expect("an agent")
                            .2
                            .insert(assignment.key);
                    }
                }
                Action::Welcome { session, discard } => {
                    if let Some(name) = agent(*session, &mut self.agents) {
                        let held = &mut self.agents.get_mut(name).expect("an agent").2;
                        held.retain(|key| !discard.contains(key));
                    }
                }
                Action::Close { session, .. } => {
                    if let Some(name) = agent(*session, &mut self.agents) {
                        self.agents.get_mut(name).expect("an agent").0 = None;
                    }
                }
                Action::Stop { .. } | Action::Reply { .. } | Action::Ack { .. } => {}
            }
        }
        self.assert_capacity();
    }

    /// From the record alone: what is active on a node never asks for more than it has.
    fn assert_capacity(&self) {
        for (name, cpu) in NODES {
            let mut used = Resources::ZERO;
            let stored = &self.world.store;
            let active = stored
                .attempts
                .values()
                .filter(|row| &*row.node == name && !row.state.is_final());
            for row in active {
                used.add(&step_of(&stored.specs[&row.key.job], row.key.task).resources);
            }
            assert!(
                used.fits(&cpus(cpu)),
                "{name} has {cpu} cpu and holds {used:?}"
            );
        }
    }

    /// From the record alone: nothing starts before what it needs has succeeded, nothing is undone that has not
    /// succeeded or on which something not yet undone was built, and what comes last comes last.
    fn assert_order(&self, turned: &Turned) {
        for row in turned.rows.attempts.iter().filter(|row| row.from.is_none()) {
            let (job, task) = (row.key.job, row.key.task);
            let spec = &self.world.store.specs[&job];
            let count = spec.tasks.len() as u32;
            if task >= count {
                self.assert_undo_order(job, task - count);
                continue;
            }
            for needed in &self.needs[&job][task as usize] {
                assert!(
                    self.has_succeeded(job, *needed),
                    "{:?} before task {needed}",
                    row.key
                );
            }
            if spec.tasks[task as usize].finally {
                for other in 0..2 * count {
                    let is_last = spec.tasks[(other % count) as usize].finally;
                    assert!(
                        is_last || self.is_over(job, other),
                        "{:?} before {other}",
                        row.key
                    );
                }
            }
        }
    }

    fn assert_undo_order(&self, job: JobId, task: u32) {
        assert!(
            self.has_succeeded(job, task),
            "{job}: {task} has nothing to undo"
        );
        let spec = &self.world.store.specs[&job];
        let count = spec.tasks.len() as u32;
        for (later, needs) in (0..).zip(&self.needs[&job]) {
            if !needs.contains(&task) || !self.has_succeeded(job, later) {
                continue;
            }
            if spec.tasks[later as usize].undo.is_some() {
                let undone = self.has_succeeded(job, count + later);
                assert!(undone, "{job}: {task} is undone before {later}");
            } else {
                // Nothing to run for this one; but whatever was built on it comes first as well.
                self.assert_undo_order(job, later);
            }
        }
    }

    /// None of its attempts is active or will be followed.
    fn is_over(&self, job: JobId, task: u32) -> bool {
        let mut attempts = self.world.store.attempts.values();
        let last = attempts.rfind(|row| (row.key.job, row.key.task) == (job, task));
        let given_up = self.world.store.jobs[&job].0.intent != Intent::Run;
        last.is_none_or(|row| row.state.is_final() && (row.retry_at.is_none() || given_up))
    }

    fn has_succeeded(&self, job: JobId, task: u32) -> bool {
        let attempts = self.world.store.attempts.values();
        attempts
            .filter(|row| (row.key.job, row.key.task) == (job, task))
            .any(|row| row.state == AttemptState::Succeeded)
    }

    /// Lets everything run out with all nodes there and nothing failing.
    fn finish(&mut self) {
        for node in 0..NODES.len() {
            self.happen(&Happening::Rejoin {
                node,
                restarted: false,
            });
        }
        for round in 0..10_000 {
            if self.world.cluster.open_jobs() == 0 {
                return;
            }
            self.happen(&Happening::End(round, 7));
            if round.is_multiple_of(7) {
                self.happen(&Happening::Pass(3_000));
            }
        }
        panic!(
            "{} jobs never end: {:?}",
            self.world.cluster.open_jobs(),
            self.world.cluster.durable()
        );
    }

    fn assert_record(&self) {
        let stored = &self.world.store;
        for (id, (row, fixed)) in &stored.jobs {
            assert!(row.state.is_final(), "job {id}");
            if row.intent == Intent::Cancel {
                assert_eq!(row.state, JobState::Cancelled, "job {id}");
            }
            for task in 0..2 * fixed.task_count {
                let attempts: Vec<_> = stored
                    .attempts
                    .values()
                    .filter(|attempt| (attempt.key.job, attempt.key.task) == (*id, task))
                    .collect();
                let numbers: Vec<u32> =
                    attempts.iter().map(|attempt| attempt.key.attempt).collect();
                assert!(
                    numbers.iter().copied().eq(1..=numbers.len() as u32),
                    "{id} {task}: {numbers:?}"
                );
                let successes = attempts
                    .iter()
                    .filter(|attempt| attempt.state == AttemptState::Succeeded);
                assert!(successes.count() <= 1, "{id} {task} succeeded twice");
            }
        }
    }
}

fn step(plan: &TaskPlan, cpu: u64, retries: u32) -> StepSpec {
    StepSpec {
        payload: payload("x"),
        resources: cpus(cpu),
        rules: Rules {
            retry: RetryRule {
                retries,
                fatal_exit_codes: [2].into(),
                ..RetryRule::default()
            },
            start_timeout_ms: plan.seconds.is_multiple_of(5).then_some(plan.seconds * 500),
            timeout_ms: plan
                .seconds
                .is_multiple_of(3)
                .then_some(plan.seconds * 1_000),
            ..Rules::default()
        },
        estimate_ms: plan.seconds * 1_000,
    }
}

fn step_of(spec: &JobSpec, task: u32) -> &StepSpec {
    match spec.tasks.get(task as usize) {
        Some(task) => &task.step,
        None => {
            let task = &spec.tasks[task as usize - spec.tasks.len()];
            task.undo.as_ref().expect("only undo steps have attempts")
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn every_history_keeps_its_promises(
        policy in prop::sample::select(vec!["edf", "fifo", "llf", "priority", "saf", "sjf"]),
        mode in prop::sample::select(vec![Mode::Strict, Mode::Easy, Mode::Greedy]),
        happenings in prop::collection::vec(happening(), 1..120),
    ) {
        let mut history = History::new(policy, mode);
        for happening in &happenings {
            history.happen(happening);
        }
        history.finish();
        history.assert_record();
    }
}
