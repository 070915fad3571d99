//! Random histories: whatever happens, nothing overcommits, memory and store agree, order holds, every job ends.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use drover_model::{
    Action, AttemptKey, AttemptState, CallerId, Event, FailureRule, Heard, Intent, JobId, JobSpec,
    NewJob, Outcome, Priority, Report, ReportKind, Resources, RetryRule, SessionId, TaskSpec,
    cluster::Config, dispatch::Mode, policy,
};
use proptest::prelude::*;
use support::{Turned, World, cpus, join, payload, reports};

const NODES: [(&str, u64); 3] = [("n1", 2), ("n2", 4), ("n3", 8)];

#[derive(Clone, Debug)]
enum Happening {
    Submit {
        tasks: Vec<(u64, u64, u32, Vec<usize>)>,
        goes_on: bool,
    },
    Start(usize),
    End(usize, u8),
    Cancel(usize),
    Pass(u64),
    Cut(usize),
    Rejoin {
        node: usize,
        restarted: bool,
    },
    Crash,
}

fn happening() -> impl Strategy<Value = Happening> {
    let task = (
        1..=8u64,
        1..=90u64,
        0..=2u32,
        prop::collection::vec(0..6usize, 0..3),
    );
    prop_oneof![
        4 => (prop::collection::vec(task, 1..6), any::<bool>())
            .prop_map(|(tasks, goes_on)| Happening::Submit { tasks, goes_on }),
        6 => any::<usize>().prop_map(Happening::Start),
        12 => (any::<usize>(), 0..6u8).prop_map(|(which, how)| Happening::End(which, how)),
        1 => any::<usize>().prop_map(Happening::Cancel),
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
    cancelled: BTreeSet<JobId>,
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
            cancelled: BTreeSet::new(),
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
            Happening::Submit { tasks, goes_on } => self.submit(tasks, *goes_on),
            Happening::Start(which) => self.report(*which, None),
            Happening::End(which, how) => self.report(*which, Some(*how)),
            Happening::Cancel(which) => self.cancel(*which),
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

    fn submit(&mut self, tasks: &[(u64, u64, u32, Vec<usize>)], goes_on: bool) -> Vec<Event> {
        let id = JobId::from_u128(self.needs.len() as u128 + 1);
        let tasks: Vec<TaskSpec> = tasks
            .iter()
            .enumerate()
            .map(|(place, (cpu, seconds, retries, needs))| TaskSpec {
                needs: needs
                    .iter()
                    .filter(|needed| **needed < place)
                    .map(|needed| *needed as u32)
                    .collect::<BTreeSet<u32>>()
                    .into_iter()
                    .collect(),
                payload: payload("x"),
                resources: cpus(*cpu),
                retry: RetryRule {
                    retries: *retries,
                    ..RetryRule::default()
                },
                timeout_ms: (seconds % 3 == 0).then_some(seconds * 1000),
                estimate_ms: seconds * 1000,
            })
            .collect();
        self.needs
            .insert(id, tasks.iter().map(|task| task.needs.clone()).collect());
        let spec = JobSpec {
            namespace: "default".into(),
            queue: if self.needs.len().is_multiple_of(2) {
                "even".into()
            } else {
                "odd".into()
            },
            priority: Priority::default(),
            deadline: None,
            failure_rule: if goes_on {
                FailureRule::Continue
            } else {
                FailureRule::FailFast
            },
            tasks,
        };
        self.world.store.specs.insert(id, spec.clone());
        vec![self.world.submit(NewJob {
            id,
            name: "job".into(),
            stored_spec: payload(&format!("{spec:?}")),
            spec,
            request_id: None,
            traceparent: None,
        })]
    }

    /// `how`: `None` starts, 0 fails, 1 reports something stale, else succeeds.
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
                    outcome: if how == 0 {
                        Outcome::Failed
                    } else {
                        Outcome::Succeeded
                    },
                    exit_code: None,
                    message: None,
                }
            }
        };
        vec![reports(session, vec![Report { key, what }])]
    }

    fn cancel(&mut self, which: usize) -> Vec<Event> {
        if self.needs.is_empty() {
            return Vec::new();
        }
        let job = JobId::from_u128((which % self.needs.len()) as u128 + 1);
        self.cancelled.insert(job);
        vec![Event::Cancel {
            caller: CallerId(1),
            job,
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
                used.add(&stored.specs[&row.key.job].tasks[row.key.task as usize].resources);
            }
            assert!(
                used.fits(&cpus(cpu)),
                "{name} has {cpu} cpu and holds {used:?}"
            );
        }
    }

    /// From the record alone: nothing starts before what it needs has succeeded.
    fn assert_order(&self, turned: &Turned) {
        for row in turned.rows.attempts.iter().filter(|row| row.from.is_none()) {
            for needed in &self.needs[&row.key.job][row.key.task as usize] {
                assert!(
                    self.has_succeeded(row.key.job, *needed),
                    "{:?} before task {needed}",
                    row.key
                );
            }
        }
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
            self.happen(&Happening::End(round, 2));
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
            assert_eq!(
                row.intent == Intent::Cancel,
                row.state == drover_model::JobState::Cancelled
            );
            for task in 0..fixed.task_count {
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
