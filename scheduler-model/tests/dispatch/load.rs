//! What is submitted, and to what nodes.

use std::sync::Arc;

use drover_model::{
    Constraints, Expected, FailureRule, Group, GroupKind, JobSpec, NodeAttributes, Priority,
    Resources, RetryRule, Rules, StepSpec, TaskSpec, Topology,
};
use proptest::prelude::*;

use crate::support::{cpus, payload};

#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) nodes: Vec<NodePlan>,
    pub(crate) jobs: Vec<JobPlan>,
}

#[derive(Clone, Debug)]
pub(crate) struct NodePlan {
    cpu: u64,
    licences: u64,
    region: &'static str,
}

/// One task, or several that keep apart, or a gang.
#[derive(Clone, Debug)]
pub(crate) struct JobPlan {
    /// After the one before.
    pub(crate) after_ms: u64,
    kind: JobKind,
    cpu: u64,
    licences: u64,
    expected_ms: u64,
    /// Of what is expected.
    pub(crate) takes_percent: u64,
    priority: u32,
    may_preempt: bool,
    preemptible: bool,
}

#[derive(Clone, Copy, Debug)]
enum JobKind {
    Single,
    Apart(u32),
    Gang(u32, Topology, bool),
}

impl NodePlan {
    pub(crate) fn capacity(&self) -> Resources {
        with_licences(self.cpu, self.licences)
    }

    pub(crate) fn attributes(&self) -> NodeAttributes {
        NodeAttributes {
            region: Some(self.region.into()),
            ..NodeAttributes::default()
        }
    }
}

fn with_licences(cpu: u64, licences: u64) -> Resources {
    let named = [(Arc::from("licence"), licences)];
    Resources {
        named: named
            .into_iter()
            .filter(|(_, amount)| *amount > 0)
            .collect(),
        ..cpus(cpu)
    }
}

impl JobPlan {
    pub(crate) fn takes_ms(&self) -> u64 {
        self.expected_ms * self.takes_percent / 100
    }

    pub(crate) fn spec(&self) -> JobSpec {
        let (count, apart) = match self.kind {
            JobKind::Single => (1, None),
            JobKind::Apart(count) => (count, Some(7)),
            JobKind::Gang(size, _, apart) => (size, apart.then_some(7)),
        };
        let member = TaskSpec {
            needs: Box::default(),
            finally: false,
            step: Some(self.step(apart)),
            undo: None,
        };
        let mut tasks = vec![member; count as usize];
        let mut groups = Vec::new();
        if let JobKind::Gang(size, topology, _) = self.kind {
            tasks.push(TaskSpec {
                needs: (0..size).collect(),
                finally: false,
                step: None,
                undo: None,
            });
            groups.push(Group {
                first: 0,
                count: size,
                kind: GroupKind::Gang { topology },
            });
        }
        JobSpec {
            namespace: "default".into(),
            queue: "default".into(),
            priority: Priority::new(self.priority).expect("at most 100"),
            deadline: None,
            deadline_action: Default::default(),
            failure_rule: FailureRule::FailFast,
            tasks,
            groups,
            may_preempt: self.may_preempt,
        }
    }

    fn step(&self, apart: Option<u32>) -> StepSpec {
        StepSpec {
            payload: payload("x"),
            resources: with_licences(self.cpu, self.licences),
            constraints: Constraints::none(),
            apart,
            rules: Rules {
                retry: RetryRule::default(),
                ..Rules::default()
            },
            expected: Expected {
                stated_ms: Some(self.expected_ms),
                default_ms: 0,
                signature: 0,
                wide_signature: 0,
            },
            preemptible: self.preemptible,
        }
    }
}

fn node() -> impl Strategy<Value = NodePlan> {
    let region = prop::sample::select(vec!["a", "b"]);
    (1..=8u64, 0..=2u64, region).prop_map(|(cpu, licences, region)| NodePlan {
        cpu,
        licences,
        region,
    })
}

/// `apart`: also several that keep apart. One that waits only for that is no head, though it comes before the head.
fn kind(apart: bool) -> impl Strategy<Value = JobKind> {
    let topology = prop::sample::select(vec![Topology::Any, Topology::SameRegion, Topology::Ring]);
    prop_oneof![
        4 => Just(JobKind::Single),
        u32::from(apart) => (2..4u32).prop_map(JobKind::Apart),
        3 => (1..6u32, topology, prop::bool::weighted(0.2))
            .prop_map(|(size, topology, apart)| JobKind::Gang(size, topology, apart)),
    ]
}

fn job(urgent: bool) -> impl Strategy<Value = JobPlan> {
    let priority = prop::sample::select(if urgent {
        vec![20, 50, 75, 100, 100]
    } else {
        vec![50]
    });
    let shape = (kind(urgent), 1..=8u64, prop::bool::weighted(0.2), 1..60u64);
    let time = (0..20_000u64, 10..=100u64);
    (shape, time, priority, any::<bool>(), any::<bool>()).prop_map(
        move |((kind, cpu, licence, seconds), (after_ms, takes), priority, preempts, agrees)| {
            JobPlan {
                after_ms,
                kind,
                cpu,
                licences: licence.into(),
                expected_ms: seconds * 1_000,
                takes_percent: takes,
                priority,
                may_preempt: urgent && preempts,
                preemptible: urgent && agrees,
            }
        },
    )
}

/// `urgent`: with jobs that may have others stopped, and such as keep apart.
pub(crate) fn load(urgent: bool) -> impl Strategy<Value = Load> {
    let nodes = prop::collection::vec(node(), 1..6);
    let jobs = prop::collection::vec(job(urgent), 1..40);
    (nodes, jobs).prop_map(|(nodes, jobs)| Load { nodes, jobs })
}
