//! Where each task of a stored job stands, for display. The same rules as those of the model (`cluster/stage.rs`), on the
//! record alone.

#[cfg(test)]
mod group_tests;
#[cfg(test)]
mod model_tests;
mod plan;
#[cfg(test)]
mod tests;

use drover_model::{AttemptRow, AttemptState, Group, GroupKind, Intent, TaskState, Timestamp};

pub use plan::{PlannedTask, plan};

/// Where one task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskStanding {
    pub state: TaskState,
    /// Set while it waits out a backoff.
    pub retry_at: Option<Timestamp>,
}

/// The states of a job's tasks, from what is stored: all attempts by task and number, those of undo steps behind those of
/// tasks, and what the job is meant to do. `now` decides whether a backoff is over.
pub fn task_states(
    plan: &[PlannedTask],
    attempts: &[AttemptRow],
    intent: Intent,
    now: Timestamp,
) -> Vec<TaskStanding> {
    let last = last_attempts(plan.len(), attempts);
    let (last, last_undo) = last.split_at(plan.len());
    let steps: Vec<Step<'_>> = plan
        .iter()
        .zip(last)
        .map(|(task, last)| Step {
            needs: &task.needs,
            last: *last,
            runs: task.stands_for.is_none(),
            forgives: task.stands_for.as_ref().map_or(0, forgives),
            now,
            goes_on: goes_on(task, intent),
        })
        .collect();
    let mut standings = settle(&steps);
    settle_gangs(plan, &mut standings, intent);
    let finally_begins = main_is_over(plan, &standings)
        && (!undoes(intent, last_undo) || undo(plan, &mut standings, last_undo, intent, now));
    if !finally_begins {
        for (standing, _) in standings.iter_mut().zip(plan).filter(|(_, t)| t.finally) {
            *standing = plain(TaskState::Pending);
        }
    }
    standings
}

fn goes_on(task: &PlannedTask, intent: Intent) -> bool {
    if task.finally {
        intent != Intent::Abandon
    } else {
        intent == Intent::Run
    }
}

/// So many of its instances may fail.
fn forgives(group: &Group) -> u32 {
    match group.kind {
        GroupKind::Array { max_failed, .. } => max_failed,
        GroupKind::Gang { .. } => 0,
    }
}

/// What a member has done counts when all have done it, or nothing of its gang goes on.
fn settle_gangs(plan: &[PlannedTask], standings: &mut [TaskStanding], intent: Intent) {
    for task in plan {
        let Some(gang) = task.stands_for.filter(is_gang) else {
            continue;
        };
        let members = &mut standings[gang.first as usize..gang.whole() as usize];
        let has_failed =
            |member: &TaskStanding| matches!(member.state, TaskState::Failed | TaskState::TimedOut);
        let has_arrived = |member: &TaskStanding| member.state == TaskState::Succeeded;
        let has_failed = members.iter().any(has_failed);
        let all_arrived = members.iter().all(has_arrived);
        for member in members {
            match member.state {
                TaskState::Pending | TaskState::Queued | TaskState::Retrying if has_failed => {
                    *member = plain(TaskState::Cancelled);
                }
                TaskState::Succeeded if !has_failed && !all_arrived && goes_on(task, intent) => {
                    *member = plain(TaskState::Running);
                }
                _ => {}
            }
        }
    }
}

fn is_gang(group: &Group) -> bool {
    matches!(group.kind, GroupKind::Gang { .. })
}

/// The last attempt of each task, and behind them of each undo step.
fn last_attempts(tasks: usize, attempts: &[AttemptRow]) -> Vec<Option<&AttemptRow>> {
    let mut last = vec![None; 2 * tasks];
    for attempt in attempts {
        if let Some(slot) = last.get_mut(attempt.key.task as usize) {
            *slot = Some(attempt);
        }
    }
    last
}

fn main_is_over(plan: &[PlannedTask], standings: &[TaskStanding]) -> bool {
    let mut tasks = plan.iter().zip(standings);
    tasks.all(|(task, standing)| task.finally || standing.state.is_final())
}

/// A rollback that was abandoned before it had begun has never been one.
fn undoes(intent: Intent, last_undo: &[Option<&AttemptRow>]) -> bool {
    match intent {
        Intent::RollBack => true,
        Intent::Abandon => last_undo.iter().any(Option::is_some),
        _ => false,
    }
}

/// Puts what becomes of the tasks that had succeeded in the place of their success. True when that is over.
fn undo(
    plan: &[PlannedTask],
    standings: &mut [TaskStanding],
    last: &[Option<&AttemptRow>],
    intent: Intent,
    now: Timestamp,
) -> bool {
    let is_undone =
        |task: usize| !plan[task].finally && standings[task].state == TaskState::Succeeded;
    // Nothing of it is undone, but it hands on the order of what it stood between.
    let forgiven = forgiven(plan, standings);
    let is_between = |task: usize| is_undone(task) || forgiven[task];
    let mut needs: Vec<Vec<u32>> = vec![Vec::new(); plan.len()];
    for (task, place) in plan
        .iter()
        .zip(0..)
        .filter(|(_, place)| is_between(*place as usize))
    {
        for needed in &task.needs {
            needs[*needed as usize].push(place);
        }
    }
    let steps: Vec<Step<'_>> = (0..plan.len())
        .map(|task| Step {
            needs: &needs[task],
            last: last[task],
            runs: plan[task].undo && !forgiven[task],
            forgives: 0,
            now,
            goes_on: intent == Intent::RollBack,
        })
        .collect();
    let undone = settle(&steps);
    let tasks: Vec<usize> = (0..plan.len()).filter(|task| is_undone(*task)).collect();
    for task in &tasks {
        standings[*task] = plain(match undone[*task].state {
            TaskState::Succeeded => TaskState::Undone,
            state if state.is_final() => TaskState::UndoFailed,
            _ => TaskState::Undoing,
        });
    }
    tasks.iter().all(|task| standings[*task].state.is_final())
}

/// Which instances failed, in arrays of which no more failed than may.
fn forgiven(plan: &[PlannedTask], standings: &[TaskStanding]) -> Vec<bool> {
    let has_failed = |task: &u32| {
        let state = standings[*task as usize].state;
        matches!(state, TaskState::Failed | TaskState::TimedOut)
    };
    let mut forgiven = vec![false; plan.len()];
    for group in plan.iter().filter_map(|task| task.stands_for) {
        let failed: Vec<u32> = (group.first..group.whole()).filter(has_failed).collect();
        if failed.len() <= forgives(&group) as usize {
            for task in failed {
                forgiven[task as usize] = true;
            }
        }
    }
    forgiven
}

/// Something that runs when what it needs has succeeded.
struct Step<'a> {
    needs: &'a [u32],
    last: Option<&'a AttemptRow>,
    /// False for the undo of a task that has no undo step, and for what stands for others: it is done as soon as it may
    /// run.
    runs: bool,
    /// So many of its needs may have failed.
    forgives: u32,
    /// Whether the job still starts steps of this kind.
    goes_on: bool,
    now: Timestamp,
}

/// Depth first with its own stack: a chain may be as long as the job.
fn settle(steps: &[Step<'_>]) -> Vec<TaskStanding> {
    let mut standings: Vec<Option<TaskStanding>> = vec![None; steps.len()];
    let mut stack = Vec::new();
    for root in 0..steps.len() {
        stack.push(root);
        while let Some(&place) = stack.last() {
            let step = &steps[place];
            let known = stack.len();
            if standings[place].is_none() && step.last.is_none() {
                let needs = step.needs.iter().map(|need| *need as usize);
                stack.extend(needs.filter(|need| standings[*need].is_none()));
            }
            if stack.len() > known {
                continue;
            }
            stack.pop();
            if standings[place].is_none() {
                standings[place] = Some(standing(step, &standings));
            }
        }
    }
    standings
        .into_iter()
        .map(|standing| standing.expect("every step was visited"))
        .collect()
}

const fn plain(state: TaskState) -> TaskStanding {
    TaskStanding {
        state,
        retry_at: None,
    }
}

fn standing(step: &Step<'_>, standings: &[Option<TaskStanding>]) -> TaskStanding {
    if let Some(attempt) = step.last {
        return after(attempt, step);
    }
    let states = || {
        let needed = step.needs.iter();
        needed.filter_map(|need| Some(standings[*need as usize]?.state))
    };
    // What failed upstream came before anybody stopped the rest of the job.
    let failed = states().filter(|state| has_failed(*state)).count();
    let never_ran = states().any(|state| state == TaskState::UpstreamFailed);
    if never_ran || failed > step.forgives as usize {
        return plain(TaskState::UpstreamFailed);
    }
    let may_run = states().all(|state| state == TaskState::Succeeded || has_failed(state));
    plain(match (may_run, step.runs, step.goes_on) {
        (true, false, _) => TaskState::Succeeded,
        (_, _, false) => TaskState::Cancelled,
        (true, true, true) => TaskState::Queued,
        (false, _, true) => TaskState::Pending,
    })
}

fn has_failed(state: TaskState) -> bool {
    matches!(
        state,
        TaskState::Failed | TaskState::TimedOut | TaskState::UpstreamFailed
    )
}

/// What the last attempt says of its step.
fn after(attempt: &AttemptRow, step: &Step<'_>) -> TaskStanding {
    match (again_at(attempt), attempt.state) {
        (Some(_), _) if !step.goes_on => plain(TaskState::Cancelled),
        (Some(at), _) if at <= step.now => plain(TaskState::Queued),
        (Some(at), _) => TaskStanding {
            state: TaskState::Retrying,
            retry_at: Some(at),
        },
        (None, state) => plain(match state {
            AttemptState::Assigned => TaskState::Assigned,
            AttemptState::Running => TaskState::Running,
            AttemptState::Stopping
            | AttemptState::StoppingTimeout
            | AttemptState::StoppingRequeue => TaskState::Stopping,
            AttemptState::Succeeded => TaskState::Succeeded,
            AttemptState::Failed | AttemptState::Lost | AttemptState::Requeued => TaskState::Failed,
            AttemptState::TimedOut | AttemptState::Expired => TaskState::TimedOut,
            AttemptState::Cancelled => TaskState::Cancelled,
        }),
    }
}

/// When another attempt may follow it, if one does.
fn again_at(attempt: &AttemptRow) -> Option<Timestamp> {
    use AttemptState::{Failed, Lost, Requeued, TimedOut};
    attempt
        .retry_at
        .filter(|_| matches!(attempt.state, Failed | TimedOut | Lost | Requeued))
}
