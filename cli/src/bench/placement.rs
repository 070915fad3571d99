//! What placing costs on many nodes: the cluster alone, without sockets or a store.
//!
//! A job of single tasks and one whose tasks are a gang of the same size come in turn, start, and end. Half of what the
//! nodes have is taken, more on some than on others, so that they differ.

use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use drover_model::{
    Action, AttemptKey, CallerId, Constraints, DeadlineAction, Effects, Event, Expected,
    FailureRule, Group, GroupKind, JobId, JobSpec, Join, NewJob, NodeAttributes, Outcome, Priority,
    Report, ReportBatch, ReportKind, Resources, Rules, SessionId, Snapshot, StepSpec, TaskSpec,
    Timestamp, Topology, TurnNumber,
    cluster::{Cluster, Config},
};
use serde::Serialize;

use super::report::median_us;

const NODE_CPUS: u64 = 32;
/// Of nodes: regions, with a cost each.
const KINDS: u64 = 10;

/// Time to place tasks, and gangs of the same size, on many nodes.
#[derive(Args, Debug)]
pub(crate) struct PlacementArgs {
    /// Nodes in the cluster.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    nodes: u64,
    /// Tasks of a job, and members of a gang.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    size: u32,
    /// Jobs of each kind; the median counts.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
}

/// Medians, in microseconds.
#[derive(Debug, Serialize)]
pub(crate) struct PlacementCosts {
    pub(super) nodes: u64,
    pub(super) size: u32,
    /// All single tasks of a job.
    pub(super) singles_us: f64,
    /// A gang, by topology.
    pub(super) any_us: f64,
    pub(super) same_region_us: f64,
    pub(super) ring_us: f64,
    /// Nodes compared for one task.
    pub(super) compared: u16,
}

pub(crate) fn run(args: &PlacementArgs) -> PlacementCosts {
    let mut load = Load::new(args.nodes);
    let gang = |topology| Some(GroupKind::Gang { topology });
    let kinds = [
        None,
        gang(Topology::Any),
        gang(Topology::SameRegion),
        gang(Topology::Ring),
    ];
    let mut times: [Vec<Duration>; 4] = Default::default();
    for _ in 0..args.repeat {
        for (kind, times) in kinds.iter().zip(&mut times) {
            times.push(load.place(args.size, 1, *kind));
            load.end_all();
        }
    }
    let [singles_us, any_us, same_region_us, ring_us] = times.map(median_us);
    PlacementCosts {
        nodes: args.nodes,
        size: args.size,
        singles_us,
        any_us,
        same_region_us,
        ring_us,
        compared: load.compared,
    }
}

struct Load {
    cluster: Cluster,
    effects: Effects,
    now: Timestamp,
    jobs: u128,
    running: Vec<(SessionId, AttemptKey)>,
    /// The most nodes that were compared for a task of its own.
    compared: u16,
}

impl Load {
    fn new(nodes: u64) -> Self {
        let now = Timestamp(1_000_000);
        let mut load = Self {
            cluster: Cluster::load(Config::default(), Snapshot::default(), now),
            effects: Effects::default(),
            now,
            jobs: 0,
            running: Vec::new(),
            compared: 0,
        };
        for node in 0..nodes {
            load.join(node);
            // Mostly goes to the node that has just joined, which is the emptiest.
            load.place(1, node % NODE_CPUS, None);
        }
        load.running.clear();
        load.compared = 0;
        load
    }

    fn join(&mut self, node: u64) {
        let kind = node % KINDS;
        let join = Join {
            node: format!("node-{node}").into(),
            incarnation: 1,
            agent_version: "bench".into(),
            capacity: cpus(NODE_CPUS),
            attributes: NodeAttributes {
                region: Some(format!("region-{kind}").into()),
                cost_per_hour_micros: kind,
                ..NodeAttributes::default()
            },
            running: Vec::new(),
            reports: ReportBatch::default(),
        };
        self.step(Event::Join {
            session: SessionId(node),
            join: Box::new(join),
        });
    }

    /// Time from the job's arrival, which is not counted, to its assignments.
    fn place(&mut self, size: u32, cpu: u64, group: Option<GroupKind>) -> Duration {
        self.submit(size, cpu, group);
        let begun = Instant::now();
        while self.cluster.wants_dispatch() {
            let decision = self.cluster.decide(self.now);
            if let (None, Some(placement)) = (group, decision.placements.first()) {
                self.compared = self.compared.max(placement.compared);
            }
            self.cluster
                .step(self.now, Event::Dispatch(decision), &mut self.effects);
        }
        let elapsed = begun.elapsed();
        self.look_at_effects();
        elapsed
    }

    fn submit(&mut self, size: u32, cpu: u64, group: Option<GroupKind>) {
        self.jobs += 1;
        let mut tasks = vec![task(Box::default(), Some(step(cpu))); size as usize];
        let mut groups = Vec::new();
        if let Some(kind) = group {
            tasks.push(task((0..size).collect(), None));
            groups.push(Group {
                first: 0,
                count: size,
                kind,
            });
        }
        let spec = JobSpec {
            namespace: "default".into(),
            queue: "default".into(),
            priority: Priority::NORMAL,
            deadline: None,
            deadline_action: DeadlineAction::None,
            failure_rule: FailureRule::FailFast,
            tasks,
            groups,
            may_preempt: false,
        };
        self.step(Event::Submit {
            caller: CallerId(0),
            jobs: vec![NewJob {
                id: JobId::from_u128(self.jobs),
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

    fn end_all(&mut self) {
        let at = self.now;
        for (session, key) in std::mem::take(&mut self.running) {
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
        }
    }

    /// Nothing is committed here: effects are looked at for assignments and dropped.
    fn step(&mut self, event: Event) {
        self.cluster.step(self.now, event, &mut self.effects);
        self.look_at_effects();
    }

    fn look_at_effects(&mut self) {
        for action in self.effects.actions.drain(..) {
            if let Action::Assign {
                session,
                assignment,
            } = action
            {
                self.running.push((session, assignment.key));
            }
        }
        self.effects = Effects::default();
    }
}

fn task(needs: Box<[u32]>, step: Option<StepSpec>) -> TaskSpec {
    TaskSpec {
        needs,
        finally: false,
        step,
        undo: None,
    }
}

fn step(cpu: u64) -> StepSpec {
    StepSpec {
        payload: Bytes::from_static(b"bench"),
        resources: cpus(cpu),
        constraints: Constraints::none(),
        apart: None,
        rules: Rules::default(),
        expected: Expected {
            stated_ms: Some(60_000),
            default_ms: 60_000,
            signature: 0,
            wide_signature: 0,
        },
        preemptible: false,
    }
}

fn cpus(cpu: u64) -> Resources {
    Resources {
        cpu_millis: cpu * 1_000,
        ..Resources::ZERO
    }
}
