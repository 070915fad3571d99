//! What can happen, and how often.

use drover_model::{Cancellation, DeadlineAction, FailureRule, GroupKind, Topology};
use proptest::prelude::*;

use super::NODES;

#[derive(Clone, Debug)]
pub(crate) enum Happening {
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
    Leaving(usize),
    Cut(usize),
    Rejoin {
        node: usize,
        restarted: bool,
    },
    UsePolicy(&'static str),
    Crash,
}

#[derive(Clone, Debug)]
pub(crate) struct TaskPlan {
    pub(super) cpu: u64,
    pub(super) seconds: u64,
    pub(super) retries: u32,
    pub(super) needs: Vec<usize>,
    pub(super) finally: bool,
    pub(super) undo: bool,
    /// So many instances.
    pub(super) group: Option<(u32, GroupKind)>,
}

/// One of each order of keys, and two that are fixed.
const POLICIES: [&str; 5] = ["fifo", "saf", "srpt", "score", "network"];

/// A gang of these fits on the nodes, one or two cores each.
const MAX_INSTANCES: u32 = 4;

fn group() -> impl Strategy<Value = Option<(u32, GroupKind)>> {
    let array = (1..=3u32, 0..=2u32).prop_map(|(parallel, max_failed)| GroupKind::Array {
        parallel,
        max_failed,
    });
    let gang = prop::sample::select(vec![Topology::Any, Topology::Ring])
        .prop_map(|topology| GroupKind::Gang { topology });
    prop_oneof![
        4 => Just(None),
        1 => (1..=MAX_INSTANCES, array).prop_map(Some),
        1 => (1..=MAX_INSTANCES, gang).prop_map(Some),
    ]
}

fn task_plan() -> impl Strategy<Value = TaskPlan> {
    let shape = (1..=8u64, 1..=90u64, 0..=2u32);
    let needs = prop::collection::vec(0..6usize, 0..3);
    (shape, needs, 0..6u8, any::<bool>(), group()).prop_map(
        |((cpu, seconds, retries), needs, last, undo, group)| TaskPlan {
            cpu: if group.is_some() { cpu.min(2) } else { cpu },
            seconds,
            retries,
            needs,
            finally: last == 0,
            undo,
            group,
        },
    )
}

pub(crate) fn happening() -> impl Strategy<Value = Happening> {
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
        12 => (any::<usize>(), 0..10u8).prop_map(|(which, how)| Happening::End(which, how)),
        1 => (any::<usize>(), how).prop_map(|(which, how)| Happening::Cancel(which, how)),
        3 => (0..4_000u64).prop_map(Happening::Pass),
        1 => (0..NODES.len()).prop_map(Happening::Leaving),
        1 => (0..NODES.len()).prop_map(Happening::Cut),
        2 => (0..NODES.len(), any::<bool>()).prop_map(|(node, restarted)| Happening::Rejoin { node, restarted }),
        1 => prop::sample::select(POLICIES.to_vec()).prop_map(Happening::UsePolicy),
        1 => Just(Happening::Crash),
    ]
}
