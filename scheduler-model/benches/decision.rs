//! What a coordinator spends on a decision, with everything: a window drawn from what waits, observed and scored, and a task
//! placed in one round: `cargo bench -p drover-model --bench decision`.
//!
//! One processor comes free at a time, and of tasks that differ in run time, priority and deadline so many wait all the time.
//! Prints the median and the fastest of many rounds in microseconds, for `fifo` and for networks of several sizes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use drover_model::{
    Action, AttemptKey, CallerId, Constraints, Deadline, DeadlineAction, Effects, Event, Expected,
    FailureRule, JobId, JobSpec, Join, NewJob, NodeAttributes, Outcome, Priority, Report,
    ReportBatch, ReportKind, Resources, Rules, SessionId, Snapshot, StepSpec, TaskSpec, Timestamp,
    TurnNumber,
    cluster::{Cluster, Config},
    inference::{Architecture, Form, Weights},
    observation::layout,
    policy::{self, Learned, Policy},
};

/// A window is 128.
const WAITING: [u64; 2] = [128, 10_000];
const ROUNDS: usize = 2_000;
const SESSION: SessionId = SessionId(1);

fn main() {
    let mut policies = vec![
        ("fifo".to_owned(), rule("fifo")),
        ("shipped".to_owned(), rule("learned")),
    ];
    for hidden in [16, 64] {
        policies.push((format!("pooled {hidden}"), pooled(hidden)));
    }
    for waiting in WAITING {
        println!("{waiting} tasks wait");
        for (name, policy) in &policies {
            let mut rounds = Load::new(Arc::clone(policy), waiting).rounds();
            rounds.sort_unstable();
            let [median, fastest] = [rounds[ROUNDS / 2], rounds[0]];
            let micros = |time: Duration| time.as_secs_f64() * 1e6;
            println!(
                "{name:>10}: {:6.2} us, fastest {:.2}",
                micros(median),
                micros(fastest)
            );
        }
    }
}

fn rule(name: &str) -> Arc<dyn Policy> {
    policy::find(name).expect("a policy that is built in")
}

/// Parameters that differ, over all columns.
fn pooled(hidden: usize) -> Arc<dyn Policy> {
    let form = Form::Pooled {
        embedding: hidden,
        context: hidden,
        scoring: hidden,
    };
    let architecture = Architecture { form, value: None };
    let zero = Weights::zero("bench", architecture, layout()).expect("sizes are within bounds");
    let parameters: Vec<f32> = (0..zero.parameters().len())
        .map(|place| (place * 37 % 101) as f32 / 500.0 - 0.1)
        .collect();
    let weights = zero.with_parameters(&parameters).expect("as many");
    Learned::new("learned", &weights).expect("columns are those observed")
}

struct Load {
    cluster: Cluster,
    effects: Effects,
    now: Timestamp,
    jobs: u64,
}

impl Load {
    fn new(policy: Arc<dyn Policy>, waiting: u64) -> Self {
        let config = Config {
            policy,
            ..Config::default()
        };
        let now = Timestamp(1_000_000);
        let mut load = Self {
            cluster: Cluster::load(config, Snapshot::default(), now),
            effects: Effects::default(),
            now,
            jobs: 0,
        };
        let join = Join {
            node: "node".into(),
            incarnation: 1,
            agent_version: "bench".into(),
            capacity: processors(1),
            attributes: NodeAttributes::default(),
            running: Vec::new(),
            reports: ReportBatch::default(),
        };
        load.step(Event::Join {
            session: SESSION,
            join: Box::new(join),
        });
        for _ in 0..waiting {
            load.submit();
        }
        load
    }

    /// How long each decision took.
    #[expect(
        clippy::disallowed_methods,
        reason = "a benchmark reads the clock; the model does not"
    )]
    fn rounds(mut self) -> Vec<Duration> {
        let mut round = || {
            self.now = self.now.plus_ms(1_000);
            let begun = Instant::now();
            let decision = self.cluster.decide(self.now);
            let took = begun.elapsed();
            let started = self.step(Event::Dispatch(decision));
            self.end(started.expect("the processor was free"));
            self.submit();
            took
        };
        (0..ROUNDS).map(|_| round()).collect()
    }

    fn end(&mut self, key: AttemptKey) {
        let what = ReportKind::Ended {
            started_at: self.now,
            ended_at: self.now,
            outcome: Outcome::Succeeded,
            exit_code: None,
            message: None,
        };
        let batch = ReportBatch {
            sequence: 1,
            reports: vec![Report { key, what }],
        };
        self.step(Event::Reports {
            session: SESSION,
            batch,
        });
    }

    fn submit(&mut self) {
        self.jobs += 1;
        let number = self.jobs;
        let run_ms = 1_000 + number * 7_919 % 600_000;
        let job = NewJob {
            id: JobId::from_u128(number.into()),
            name: "bench".into(),
            spec: spec(number, run_ms),
            request_id: None,
            traceparent: None,
            stored_spec: Bytes::new(),
            replay_of: None,
            carried: Vec::new(),
        };
        self.step(Event::Submit {
            caller: CallerId(0),
            jobs: vec![job],
            looked_up: TurnNumber(u64::MAX),
        });
    }

    /// What it started, if anything.
    fn step(&mut self, event: Event) -> Option<AttemptKey> {
        self.cluster.step(self.now, event, &mut self.effects);
        let started = self
            .effects
            .actions
            .drain(..)
            .find_map(|action| match action {
                Action::Assign { assignment, .. } => Some(assignment.key),
                _ => None,
            });
        self.effects = Effects::default();
        started
    }
}

fn spec(number: u64, run_ms: u64) -> JobSpec {
    let step = StepSpec {
        payload: Bytes::from_static(b"bench"),
        resources: processors(1),
        constraints: Constraints::none(),
        apart: None,
        rules: Rules::default(),
        expected: Expected {
            stated_ms: Some(run_ms),
            default_ms: 60_000,
            signature: 0,
            wide_signature: 0,
        },
        preemptible: false,
    };
    JobSpec {
        namespace: "default".into(),
        queue: "default".into(),
        priority: Priority::new((number * 31 % 101) as u32).unwrap_or_default(),
        deadline: Some(Deadline::After(run_ms + number * 104_729 % 3_600_000)),
        deadline_action: DeadlineAction::None,
        failure_rule: FailureRule::FailFast,
        tasks: vec![TaskSpec {
            needs: Box::default(),
            finally: false,
            step: Some(step),
            undo: None,
        }],
        groups: Vec::new(),
        may_preempt: false,
    }
}

fn processors(count: u64) -> Resources {
    Resources {
        cpu_millis: count * 1_000,
        ..Resources::ZERO
    }
}
