//! Random lives of one job, and the record that they leave.

use std::collections::BTreeMap;

use bytes::Bytes;
use drover_model::{
    Action, Answer, AttemptKey, CallerId, Cancellation, Constraints, Deadline, DeadlineAction,
    Effects, Event, Expected, FailureRule, Heard, JobId, JobSpec, Join, NewJob, NodeAttributes,
    NodeChange, Outcome, Priority, Question, Report, ReportBatch, ReportKind, Resources, RetryRule,
    Rules, SessionId, Snapshot, StepSpec, TaskSpec, Topology, TurnNumber,
    cluster::{Cluster, Config},
};

use crate::job::tasks::*;

const SESSION: SessionId = SessionId(1);
const JOB: u128 = 7;

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn one_in(&mut self, number: u64) -> bool {
        self.below(number) == 0
    }
}

/// A job in a cluster of one node, and its record.
pub(super) struct History {
    pub(super) seed: u64,
    random: Random,
    cluster: Cluster,
    pub(super) plan: Vec<PlannedTask>,
    pub(super) now: Timestamp,
    sequence: u64,
    pub(super) intent: Intent,
    pub(super) attempts: BTreeMap<(u32, u32), AttemptRow>,
}

impl History {
    pub(super) fn begin(seed: u64) -> Self {
        let mut history = Self {
            seed,
            random: Random(seed),
            cluster: Cluster::load(Config::default(), Snapshot::default(), Timestamp(1_000)),
            plan: Vec::new(),
            now: Timestamp(1_000),
            sequence: 0,
            intent: Intent::Run,
            attempts: BTreeMap::new(),
        };
        let join = history.join();
        history.step(join);
        let spec = history.spec();
        history.step(Event::Submit {
            caller: CallerId(1),
            jobs: vec![NewJob {
                id: JobId::from_u128(JOB),
                name: "job".into(),
                spec,
                request_id: None,
                traceparent: None,
                stored_spec: Bytes::new(),
                replay_of: None,
                carried: Vec::new(),
            }],
            looked_up: TurnNumber(u64::MAX),
        });
        history
    }

    /// Of an agent that holds everything. Also one that leaves may come back.
    fn join(&self) -> Event {
        Event::Join {
            session: SESSION,
            join: Box::new(Join {
                node: "n".into(),
                incarnation: 1,
                agent_version: "1".into(),
                capacity: Resources {
                    cpu_millis: 3_000,
                    ..Resources::ZERO
                },
                attributes: NodeAttributes::default(),
                running: self.active(),
                reports: ReportBatch::default(),
            }),
        }
    }

    fn active(&self) -> Vec<AttemptKey> {
        self.attempts
            .values()
            .filter(|row| !row.state.is_final())
            .map(|row| row.key)
            .collect()
    }

    /// Up to seven tasks, those that are `finally` last.
    fn spec(&mut self) -> JobSpec {
        let main = 1 + self.random.below(5) as u32;
        let finally = self.random.below(3) as u32;
        let undoes = !self.random.one_in(4);
        // Where those are that others need.
        let mut places: Vec<u32> = Vec::new();
        let mut tasks = Vec::new();
        for task in 0..main + finally {
            let first = if task < main { 0 } else { main };
            let needs = (first..task).filter(|_| self.random.one_in(2));
            let planned = PlannedTask {
                needs: needs.map(|need| places[need as usize]).collect(),
                finally: task >= main,
                undo: task < main && undoes && (task == 0 || !self.random.one_in(3)),
                stands_for: None,
            };
            tasks.extend(self.instances(planned));
            places.push(tasks.len() as u32 - 1);
        }
        JobSpec {
            namespace: "default".into(),
            queue: "default".into(),
            priority: Priority::default(),
            deadline: Some(Deadline::After(200 + self.random.below(5_000))),
            deadline_action: match self.random.below(4) {
                0 => DeadlineAction::Cancel,
                _ => DeadlineAction::None,
            },
            failure_rule: match self.random.below(4) {
                0 => FailureRule::FailFast,
                1 => FailureRule::Continue,
                _ if undoes => FailureRule::Rollback,
                _ => FailureRule::FailFast,
            },
            tasks,
            groups: self
                .plan
                .iter()
                .filter_map(|task| task.stands_for)
                .collect(),
            may_preempt: false,
        }
    }

    /// One task, or those of an array or a gang, which are all the same, and the one that stands for them.
    fn instances(&mut self, planned: PlannedTask) -> Vec<TaskSpec> {
        let first = self.plan.len() as u32;
        let kind = match self.random.below(6) {
            0 => Some(GroupKind::Gang {
                topology: Topology::Any,
            }),
            1 | 2 => Some(GroupKind::Array {
                parallel: 1 + self.random.below(3) as u32,
                max_failed: self.random.below(3) as u32,
            }),
            _ => None,
        };
        let count = kind.map_or(1, |_| 1 + self.random.below(3) as u32);
        let task = TaskSpec {
            needs: planned.needs.clone(),
            finally: planned.finally,
            step: Some(self.a_step()),
            undo: planned.undo.then(|| self.a_step()),
        };
        let mut tasks = vec![task; count as usize];
        let finally = planned.finally;
        self.plan.extend(vec![planned; count as usize]);
        if let Some(kind) = kind {
            let group = Group { first, count, kind };
            let needs: Box<[u32]> = (group.first..group.whole()).collect();
            self.plan.push(PlannedTask {
                needs: needs.clone(),
                finally,
                undo: false,
                stands_for: Some(group),
            });
            tasks.push(TaskSpec {
                needs,
                finally,
                step: None,
                undo: None,
            });
        }
        tasks
    }

    fn a_step(&mut self) -> StepSpec {
        StepSpec {
            payload: Bytes::new(),
            resources: Resources {
                cpu_millis: 1_000 + self.random.below(3_000),
                ..Resources::ZERO
            },
            rules: Rules {
                retry: RetryRule {
                    retries: self.random.below(3) as u32,
                    rerun_lost: !self.random.one_in(4),
                    backoff_ms: 100,
                    ..RetryRule::default()
                },
                start_timeout_ms: self.random.one_in(3).then_some(300),
                timeout_ms: self.random.one_in(3).then_some(200),
                ..Rules::default()
            },
            constraints: Constraints::none(),
            apart: None,
            expected: Expected {
                stated_ms: Some(100),
                default_ms: 100,
                signature: 0,
                wide_signature: 0,
            },
            preemptible: false,
        }
    }

    pub(super) fn an_event(&mut self) -> Event {
        self.now = self.now.plus_ms(self.random.below(30));
        match self.random.below(100) {
            0..40 => self.a_report().unwrap_or(Event::Tick),
            40..43 => self.join(),
            43..70 => Event::Dispatch(self.cluster.decide(self.now)),
            70..73 => self.a_change(),
            73..97 => {
                let heard = Heard {
                    session: SESSION,
                    at: self.now,
                    cpu_permille: 0,
                    memory_permille: 0,
                };
                self.step(Event::Heard(vec![heard]));
                Event::Tick
            }
            number => Event::Cancel {
                caller: CallerId(2),
                job: JobId::from_u128(JOB),
                how: [
                    Cancellation::Stop,
                    Cancellation::RollBack,
                    Cancellation::Abandon,
                ][number as usize - 97],
                reason: "".into(),
            },
        }
    }

    /// What runs is sent back, or work may come again.
    fn a_change(&mut self) -> Event {
        Event::ChangeNode {
            caller: CallerId(3),
            node: "n".into(),
            change: if self.random.one_in(2) {
                NodeChange::Drain { after_ms: Some(0) }
            } else {
                NodeChange::Uncordon
            },
        }
    }

    fn a_report(&mut self) -> Option<Event> {
        let active = self.active();
        let key = *active.get(self.random.below(active.len().max(1) as u64) as usize)?;
        let what = if self.random.one_in(2) {
            ReportKind::Started { at: self.now }
        } else {
            let outcomes = [
                Outcome::Succeeded,
                Outcome::Succeeded,
                Outcome::Succeeded,
                Outcome::Succeeded,
                Outcome::Failed,
                Outcome::Stopped,
                Outcome::Stalled,
                Outcome::Fenced,
                Outcome::Refused,
            ];
            ReportKind::Ended {
                started_at: self.now,
                ended_at: self.now,
                outcome: outcomes[self.random.below(outcomes.len() as u64) as usize],
                exit_code: None,
                message: None,
            }
        };
        self.sequence += 1;
        Some(Event::Reports {
            session: SESSION,
            batch: ReportBatch {
                sequence: self.sequence,
                reports: vec![Report { key, what }],
            },
        })
    }

    /// Steps, and writes what follows into the record, as the store would.
    pub(super) fn step(&mut self, event: Event) -> Effects {
        let mut effects = Effects::default();
        self.cluster.step(self.now, event, &mut effects);
        for row in &effects.jobs {
            self.intent = row.intent;
        }
        for row in &effects.attempts {
            self.attempts
                .entry((row.key.task, row.key.attempt))
                .and_modify(|known| {
                    known.state = row.state;
                    known.retry_at = row.retry_at.or(known.retry_at);
                })
                .or_insert_with(|| row.clone());
        }
        effects
    }

    /// `None` when the job has ended.
    pub(super) fn shown(&mut self) -> Option<Vec<TaskState>> {
        let effects = self.step(Event::Ask {
            caller: CallerId(3),
            question: Question::Job(JobId::from_u128(JOB)),
        });
        let answer = effects.actions.into_iter().find_map(|action| match action {
            Action::Reply {
                answer: Answer::Job(view),
                ..
            } => Some(view),
            _ => None,
        });
        let view = answer.expect("a question is answered")?;
        Some(view.tasks.iter().map(|task| task.state).collect())
    }
}
