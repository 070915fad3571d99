//! How fast tasks start when few and when many wait: the cluster alone, without sockets or a store.
//!
//! Three queues, 100 shapes of which 30 % fit nowhere now, capacity that is always taken: whatever ends is followed by
//! what the policy picks, and by a new task of the same shape, so that the number that waits stays the same. And how long one
//! round takes that starts a task, for a learned policy and one that is kept in an index.

use std::{
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use clap::Args;
use drover_model::{
    Action, AttemptKey, CallerId, Constraints, Deadline, DeadlineAction, Effects, Event, Expected,
    FailureRule, JobId, JobSpec, Join, NewJob, NodeAttributes, Outcome, Priority, Report,
    ReportBatch, ReportKind, Resources, Rules, SessionId, Snapshot, StepSpec, TaskSpec, Timestamp,
    TurnNumber,
    cluster::{Cluster, Config},
    dispatch::Mode,
    policy::{self, Order, Policy},
};
use serde::Serialize;

use super::report::median_us;

const NODES: u64 = 20;
const NODE_CPU_MILLIS: u64 = 32_000;
const ALL_SHAPES: Range<u64> = 0..100;
/// The first of them; these fit only the one large node, which is taken.
const WIDE_SHAPES: u64 = 30;
/// A core, of which a node has a whole number.
const ONE_SHAPE: Range<u64> = 50..51;
const QUEUES: [&str; 3] = ["batch", "interactive", "reports"];

/// Speed of dispatch with short and long queues, for every built-in policy whose order does not change with time, and what a
/// decision takes.
#[derive(Args, Debug)]
pub(crate) struct QueueArgs {
    /// Tasks that wait in the short queue.
    #[arg(long, default_value_t = 1_000)]
    short: u64,
    /// Tasks that wait in the long queue.
    #[arg(long, default_value_t = 100_000)]
    long: u64,
    /// Tasks started in each measurement.
    #[arg(long, default_value_t = 200_000)]
    tasks: u64,
    /// Measurements of each; the best counts.
    #[arg(long, default_value_t = 5)]
    repeat: u32,
    /// strict, easy or greedy.
    #[arg(long, default_value_t = Mode::Easy)]
    dispatch: Mode,
    /// Attempts that end between two rounds of dispatch.
    #[arg(long, default_value_t = 16)]
    ends_per_round: u64,
    /// Commands to queue for measuring the memory of a coordinator; 0 leaves that out.
    #[arg(long, default_value_t = 100_000)]
    pub(super) memory_tasks: u64,
}

/// One line of the result.
#[derive(Debug, Serialize)]
pub(crate) struct Speed {
    pub(super) policy: String,
    /// Tasks started per second, best of the measurements, by queue length.
    pub(super) short: f64,
    pub(super) long: f64,
    /// `long / short` of measurements taken in turn, the median.
    pub(super) ratio: f64,
}

/// How long a round takes that starts a task.
#[derive(Debug, Serialize)]
pub(crate) struct Decision {
    pub(super) policy: &'static str,
    pub(super) waiting: u64,
    /// Among tasks of one shape a round ends with what it starts: one decision. Among unlike ones capacity is left over,
    /// which it then offers to the others, and again beside the task that it keeps it for.
    pub(super) shapes: u64,
    /// Of a policy that ranks windows: that of a full one.
    pub(super) median_us: f64,
}

/// What a learned policy costs, and for comparison one that is kept in an index.
const DECIDING: [&str; 2] = ["fifo", "learned"];
/// A window is 128.
const DECIDED_AMONG: [u64; 2] = [128, 10_000];
const DECISIONS: usize = 2_000;

pub(crate) fn decisions() -> Vec<Decision> {
    let mut decisions = Vec::new();
    for shapes in [ONE_SHAPE, ALL_SHAPES] {
        for waiting in DECIDED_AMONG {
            for name in DECIDING {
                let policy = policy::find(name).expect("it is built in");
                let mut load = Load::new(policy, Mode::Easy, waiting, shapes.clone());
                decisions.push(Decision {
                    policy: name,
                    waiting,
                    shapes: shapes.end - shapes.start,
                    median_us: load.median_decision_us(),
                });
            }
        }
    }
    decisions
}

/// Measures every policy that is kept in an index, a line each as soon as it is known. The others look at all that wait, and so
/// grow with the queue by design.
pub(crate) fn run(args: &QueueArgs, mut line: impl FnMut(&Speed)) -> Vec<Speed> {
    policy::all()
        .into_iter()
        .filter(|policy| policy.order() == Order::Fixed)
        .map(|policy| {
            let speed = measure(args, &policy);
            line(&speed);
            speed
        })
        .collect()
}

/// Short and long in turn, so that a machine that drifts does so for both.
fn measure(args: &QueueArgs, policy: &Arc<dyn Policy>) -> Speed {
    let mut short = Load::new(Arc::clone(policy), args.dispatch, args.short, ALL_SHAPES);
    let mut long = Load::new(Arc::clone(policy), args.dispatch, args.long, ALL_SHAPES);
    let mut best = (0.0f64, 0.0f64);
    let mut ratios = Vec::new();
    for _ in 0..args.repeat {
        let rates = (short.rate(args), long.rate(args));
        best = (best.0.max(rates.0), best.1.max(rates.1));
        ratios.push(rates.1 / rates.0);
    }
    ratios.sort_by(f64::total_cmp);
    Speed {
        policy: policy.name().to_owned(),
        short: best.0.round(),
        long: best.1.round(),
        ratio: (ratios[ratios.len() / 2] * 1_000.0).round() / 1_000.0,
    }
}

/// A cluster under a load that never ends.
struct Load {
    cluster: Cluster,
    effects: Effects,
    now: Timestamp,
    jobs: u128,
    /// What runs, oldest first.
    running: std::collections::VecDeque<(SessionId, AttemptKey)>,
    started: u64,
    random: u64,
}

impl Load {
    fn new(policy: Arc<dyn Policy>, mode: Mode, queued: u64, shapes: Range<u64>) -> Self {
        let config = Config {
            policy,
            mode,
            ..Config::default()
        };
        let now = Timestamp(1_000_000);
        let mut load = Self {
            cluster: Cluster::load(config, Snapshot::default(), now),
            effects: Effects::default(),
            now,
            jobs: 0,
            running: std::collections::VecDeque::new(),
            started: 0,
            random: 0x5eed,
        };
        load.take_large_node();
        for node in 1..=NODES {
            load.join(node, NODE_CPU_MILLIS);
        }
        for (submitted, shape) in (1u64..).zip(shapes.cycle()) {
            if load.cluster.queued_tasks() as u64 >= queued && load.running.len() >= 100 {
                break;
            }
            load.submit(shape);
            if submitted.is_multiple_of(64) {
                load.round();
            }
        }
        load
    }

    /// The one node on which wide shapes could fit, and a task that keeps most of it for ever.
    fn take_large_node(&mut self) {
        self.join(0, 4 * NODE_CPU_MILLIS);
        self.submit_task(0, 4 * NODE_CPU_MILLIS - 1_000, 1_000_000_000);
        self.round();
        self.running.clear();
    }

    fn join(&mut self, node: u64, cpu_millis: u64) {
        let join = Join {
            node: format!("node-{node}").into(),
            incarnation: 1,
            agent_version: "bench".into(),
            capacity: Resources {
                cpu_millis,
                ..Resources::ZERO
            },
            attributes: NodeAttributes::default(),
            running: Vec::new(),
            reports: ReportBatch::default(),
        };
        self.step(Event::Join {
            session: SessionId(node),
            join: Box::new(join),
        });
    }

    fn submit(&mut self, shape: u64) {
        let cpu_millis = if shape < WIDE_SHAPES {
            NODE_CPU_MILLIS + 1_000 + shape * 100
        } else {
            500 + shape * 10
        };
        let estimate_ms = 1_000 + self.draw(60_000);
        self.submit_task(shape, cpu_millis, estimate_ms);
    }

    fn submit_task(&mut self, shape: u64, cpu_millis: u64, estimate_ms: u64) {
        self.jobs += 1;
        let id = job_id(self.jobs, shape);
        let spec = JobSpec {
            namespace: "default".into(),
            queue: QUEUES[(self.jobs % 3) as usize].into(),
            priority: Priority::new(self.draw(101) as u32).unwrap_or_default(),
            deadline: Some(Deadline::After(estimate_ms + self.draw(600_000))),
            deadline_action: DeadlineAction::None,
            failure_rule: FailureRule::FailFast,
            tasks: vec![TaskSpec {
                needs: Box::default(),
                finally: false,
                step: Some(step(cpu_millis, estimate_ms)),
                undo: None,
            }],
            groups: Vec::new(),
            may_preempt: false,
        };
        self.step(Event::Submit {
            caller: CallerId(0),
            jobs: vec![NewJob {
                id,
                name: "bench".into(),
                spec,
                request_id: None,
                traceparent: None,
                stored_spec: Bytes::new(),
                replay_of: None,
                carried: Vec::new(),
            }],
            looked_up: TurnNumber(u64::MAX),
        });
    }

    /// Tasks started per second.
    fn rate(&mut self, args: &QueueArgs) -> f64 {
        let goal = self.started + args.tasks;
        let first = self.started;
        let begun = Instant::now();
        while self.started < goal {
            for _ in 0..args.ends_per_round {
                self.end_one();
            }
            self.now = self.now.plus_ms(1);
            self.round();
        }
        let elapsed: Duration = begun.elapsed();
        (self.started - first) as f64 / elapsed.as_secs_f64()
    }

    /// One task ends at a time. Rounds in which nothing fits are left out.
    fn median_decision_us(&mut self) -> f64 {
        let mut times = Vec::with_capacity(DECISIONS);
        while times.len() < DECISIONS {
            self.end_one();
            self.now = self.now.plus_ms(1);
            let begun = Instant::now();
            let decision = self.cluster.decide(self.now);
            let took = begun.elapsed();
            if !decision.placements.is_empty() {
                times.push(took);
            }
            self.step(Event::Dispatch(decision));
        }
        median_us(times)
    }

    /// The oldest ends, and one like it arrives.
    fn end_one(&mut self) {
        let Some((session, key)) = self.running.pop_front() else {
            return;
        };
        let at = self.now;
        let what = ReportKind::Ended {
            started_at: at,
            ended_at: at,
            outcome: Outcome::Succeeded,
            exit_code: None,
            message: None,
        };
        let batch = ReportBatch {
            sequence: 1,
            reports: vec![Report { key, what }],
        };
        self.step(Event::Reports { session, batch });
        self.submit(shape_of(key.job));
    }

    fn round(&mut self) {
        if !self.cluster.wants_dispatch() {
            return;
        }
        let decision = self.cluster.decide(self.now);
        self.step(Event::Dispatch(decision));
    }

    /// Nothing is committed here: effects are looked at for assignments and dropped.
    fn step(&mut self, event: Event) {
        self.cluster.step(self.now, event, &mut self.effects);
        for action in self.effects.actions.drain(..) {
            if let Action::Assign {
                session,
                assignment,
            } = action
            {
                self.running.push_back((session, assignment.key));
                self.started += 1;
            }
        }
        self.effects.jobs.clear();
        self.effects.attempts.clear();
        self.effects.nodes.clear();
        self.effects.transitions.clear();
    }

    /// Uniform below `limit`; a multiplicative congruential generator (L'Ecuyer, Math. Comp. 1999, table 4) is enough here.
    fn draw(&mut self, limit: u64) -> u64 {
        self.random = self
            .random
            .wrapping_mul(3_935_559_000_370_003_845)
            .wrapping_add(1);
        (self.random >> 33) % limit
    }
}

fn step(cpu_millis: u64, estimate_ms: u64) -> StepSpec {
    StepSpec {
        payload: Bytes::from_static(b"bench"),
        resources: Resources {
            cpu_millis,
            ..Resources::ZERO
        },
        constraints: Constraints::none(),
        apart: None,
        rules: Rules::default(),
        expected: Expected {
            stated_ms: Some(estimate_ms),
            default_ms: 60_000,
            signature: 0,
            wide_signature: 0,
        },
        preemptible: false,
    }
}

/// The id carries the shape, so that the load itself need not remember it.
fn job_id(number: u128, shape: u64) -> JobId {
    JobId::from_u128(number << 8 | u128::from(shape))
}

fn shape_of(id: JobId) -> u64 {
    u64::from(id.as_bytes()[15])
}
