//! Arrays and gangs.

use super::{
    tests::{attempt, main, planned_states},
    *,
};

fn stands_for(first: u32, count: u32, kind: GroupKind) -> PlannedTask {
    let group = Group { first, count, kind };
    PlannedTask {
        stands_for: Some(group),
        ..main(&(group.first..group.whole()).collect::<Vec<u32>>())
    }
}

/// One that needs them all stands first.
#[test]
fn a_wide_array_costs_little() {
    const COUNT: u32 = 100_000;
    let kind = GroupKind::Array {
        parallel: 1,
        max_failed: 0,
    };
    let mut plan = vec![main(&[COUNT + 1])];
    plan.extend(vec![main(&[]); COUNT as usize]);
    plan.push(stands_for(1, COUNT, kind));
    let rows: Vec<AttemptRow> = (1..COUNT)
        .map(|task| attempt(task, 1, AttemptState::Succeeded))
        .collect();
    let states = planned_states(&plan, &rows, Intent::Run);
    let last = states.len() - 2;
    assert_eq!(states[0], TaskState::Pending);
    assert_eq!(states[last..], [TaskState::Queued, TaskState::Pending]);
}

#[test]
fn an_array_forgives_so_many() {
    use TaskState::{Failed, Pending, Queued, Succeeded, TimedOut, UpstreamFailed};
    let rows = [
        attempt(0, 1, AttemptState::Failed),
        attempt(1, 1, AttemptState::TimedOut),
        attempt(2, 1, AttemptState::Succeeded),
    ];
    for (max_failed, ended, whole, next) in [
        (1, 3, UpstreamFailed, UpstreamFailed),
        (2, 2, Pending, Pending),
        (2, 3, Succeeded, Queued),
    ] {
        let kind = GroupKind::Array {
            parallel: 1,
            max_failed,
        };
        let mut plan = vec![main(&[]); 3];
        plan.extend([stands_for(0, 3, kind), main(&[3])]);
        let states = planned_states(&plan, &rows[..ended], Intent::Run);
        assert_eq!(states[..2], [Failed, TimedOut]);
        assert_eq!(states[3..], [whole, next], "{max_failed} of {ended}");
    }
}

/// A task, an array that forgives its only instance, and what was built on it. Undo steps are numbered behind them.
#[test]
fn what_is_forgiven_hands_on_the_order_of_undoing() {
    use TaskState::{Failed, Succeeded, UndoFailed, Undoing, Undone};
    let undoable = |needs: &[u32]| PlannedTask {
        undo: true,
        ..main(needs)
    };
    let kind = GroupKind::Array {
        parallel: 1,
        max_failed: 1,
    };
    let plan = [
        undoable(&[]),
        undoable(&[0]),
        stands_for(1, 1, kind),
        undoable(&[2]),
    ];
    let mut rows = vec![
        attempt(0, 1, AttemptState::Succeeded),
        attempt(1, 1, AttemptState::Failed),
        attempt(3, 1, AttemptState::Succeeded),
        attempt(7, 1, AttemptState::Running),
    ];
    let states = |rows: &[AttemptRow]| planned_states(&plan, rows, Intent::RollBack);
    assert_eq!(
        planned_states(&plan, &rows[..3], Intent::Run),
        [Succeeded, Failed, Succeeded, Succeeded]
    );
    assert_eq!(states(&rows), [Undoing, Failed, Undoing, Undoing]);
    rows[3].state = AttemptState::Failed;
    assert_eq!(states(&rows), [UndoFailed, Failed, UndoFailed, UndoFailed]);
    rows[3].state = AttemptState::Succeeded;
    assert_eq!(states(&rows), [Undoing, Failed, Undone, Undone]);
}

#[test]
fn what_a_member_has_done_counts_with_its_gang() {
    use TaskState::{Cancelled, Failed, Pending, Running, Succeeded, UpstreamFailed};
    let kind = GroupKind::Gang {
        topology: drover_model::Topology::Any,
    };
    let plan = [main(&[]), main(&[]), stands_for(0, 2, kind)];
    let first = attempt(0, 1, AttemptState::Succeeded);
    let states = |second, intent| {
        let rows = [first.clone(), attempt(1, 1, second)];
        planned_states(&plan, &rows, intent)
    };
    for (second, intent, expected) in [
        (
            AttemptState::Running,
            Intent::Run,
            [Running, Running, Pending],
        ),
        (
            AttemptState::Succeeded,
            Intent::Run,
            [Succeeded, Succeeded, Succeeded],
        ),
        (
            AttemptState::Failed,
            Intent::Run,
            [Succeeded, Failed, UpstreamFailed],
        ),
        (
            AttemptState::Cancelled,
            Intent::Cancel,
            [Succeeded, Cancelled, Cancelled],
        ),
    ] {
        assert_eq!(states(second, intent), expected);
    }
}
