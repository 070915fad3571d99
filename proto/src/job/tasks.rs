//! Where each task of a stored job stands, for display.

use std::collections::HashMap;

use drover_model::{AttemptRow, AttemptState, Intent, TaskState, Timestamp};

use crate::v1;

/// Where one task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskStanding {
    pub state: TaskState,
    /// Set while it waits out a backoff.
    pub retry_at: Option<Timestamp>,
}

/// Places of what each task needs. Names that no task has are passed over: an accepted spec has none.
pub(super) fn places(tasks: &[v1::TaskSpec]) -> Vec<Box<[u32]>> {
    let index: HashMap<&str, u32> = tasks
        .iter()
        .map(|task| task.name.as_str())
        .zip(0..)
        .collect();
    tasks
        .iter()
        .map(|task| {
            task.needs
                .iter()
                .filter_map(|need| index.get(need.as_str()).copied())
                .collect()
        })
        .collect()
}

/// The states of a job's tasks, from what is stored: places of what each needs (without a cycle), all attempts by task
/// and number, and what the job is meant to do.
pub fn task_states(
    needs: &[Box<[u32]>],
    attempts: &[AttemptRow],
    intent: Intent,
) -> Vec<TaskStanding> {
    let mut last: Vec<Option<&AttemptRow>> = vec![None; needs.len()];
    for attempt in attempts {
        if let Some(slot) = last.get_mut(attempt.key.task as usize) {
            *slot = Some(attempt);
        }
    }
    let mut standings: Vec<Option<TaskStanding>> = vec![None; needs.len()];
    // Depth first with its own stack: a chain may be as long as the job.
    let mut stack = Vec::new();
    for root in 0..needs.len() {
        stack.push(root);
        while let Some(&task) = stack.last() {
            let waiting = if standings[task].is_none() && last[task].is_none() {
                needs[task]
                    .iter()
                    .map(|need| *need as usize)
                    .find(|need| standings[*need].is_none())
            } else {
                None
            };
            if let Some(need) = waiting {
                stack.push(need);
                continue;
            }
            stack.pop();
            if standings[task].is_none() {
                standings[task] = Some(standing(&needs[task], last[task], intent, &standings));
            }
        }
    }
    standings
        .into_iter()
        .map(|standing| standing.expect("every task was visited"))
        .collect()
}

fn standing(
    needs: &[u32],
    last: Option<&AttemptRow>,
    intent: Intent,
    standings: &[Option<TaskStanding>],
) -> TaskStanding {
    let plain = |state| TaskStanding {
        state,
        retry_at: None,
    };
    if let Some(attempt) = last {
        return after(attempt, intent);
    }
    let states = || {
        let needed = needs.iter().filter_map(|need| standings[*need as usize]);
        needed.map(|standing| standing.state)
    };
    // What failed upstream came before anybody stopped the rest of the job.
    if states().any(has_failed) {
        plain(TaskState::UpstreamFailed)
    } else if intent != Intent::Run {
        plain(TaskState::Cancelled)
    } else if states().all(|state| state == TaskState::Succeeded) {
        plain(TaskState::Queued)
    } else {
        plain(TaskState::Pending)
    }
}

fn has_failed(state: TaskState) -> bool {
    matches!(
        state,
        TaskState::Failed | TaskState::TimedOut | TaskState::UpstreamFailed
    )
}

/// What the last attempt says of its task.
fn after(attempt: &AttemptRow, intent: Intent) -> TaskStanding {
    if attempt.state.is_final() && attempt.state != AttemptState::Succeeded {
        if let (Some(at), Intent::Run) = (attempt.retry_at, intent) {
            return TaskStanding {
                state: TaskState::Retrying,
                retry_at: Some(at),
            };
        }
        if attempt.retry_at.is_some() {
            return TaskStanding {
                state: TaskState::Cancelled,
                retry_at: None,
            };
        }
    }
    let state = match attempt.state {
        AttemptState::Assigned => TaskState::Assigned,
        AttemptState::Running => TaskState::Running,
        AttemptState::Stopping | AttemptState::StoppingTimeout => TaskState::Stopping,
        AttemptState::Succeeded => TaskState::Succeeded,
        AttemptState::Failed | AttemptState::Lost => TaskState::Failed,
        AttemptState::TimedOut => TaskState::TimedOut,
        AttemptState::Cancelled => TaskState::Cancelled,
    };
    TaskStanding {
        state,
        retry_at: None,
    }
}

#[cfg(test)]
mod tests {
    use drover_model::{AttemptKey, JobId};

    use super::*;

    fn attempt(task: u32, number: u32, state: AttemptState) -> AttemptRow {
        AttemptRow {
            key: AttemptKey {
                job: JobId::from_u128(1),
                task,
                attempt: number,
            },
            from: None,
            state,
            node: "n".into(),
            assigned_at: Timestamp(0),
            started_at: None,
            ended_at: None,
            exit_code: None,
            message: None,
            retry_at: None,
            decision: None,
        }
    }

    fn retried(mut row: AttemptRow) -> AttemptRow {
        row.retry_at = Some(Timestamp(9));
        row
    }

    fn states(needs: &[&[u32]], attempts: &[AttemptRow], intent: Intent) -> Vec<TaskState> {
        let needs: Vec<Box<[u32]>> = needs.iter().map(|&needs| needs.into()).collect();
        task_states(&needs, attempts, intent)
            .iter()
            .map(|standing| standing.state)
            .collect()
    }

    #[test]
    fn a_chain_waits_for_its_head() {
        // In an order in which needs come after those who need them.
        let chain: &[&[u32]] = &[&[1], &[2], &[]];
        use TaskState::{Pending, Queued, Running, Succeeded, UpstreamFailed};
        assert_eq!(states(chain, &[], Intent::Run), [Pending, Pending, Queued]);
        let running = [attempt(2, 1, AttemptState::Running)];
        assert_eq!(
            states(chain, &running, Intent::Run),
            [Pending, Pending, Running]
        );
        let done = [attempt(2, 1, AttemptState::Succeeded)];
        assert_eq!(
            states(chain, &done, Intent::Run),
            [Pending, Queued, Succeeded]
        );
        let failed = [attempt(2, 1, AttemptState::Failed)];
        assert_eq!(
            states(chain, &failed, Intent::Run),
            [UpstreamFailed, UpstreamFailed, TaskState::Failed]
        );
    }

    #[test]
    fn the_last_attempt_decides() {
        let rows = [
            retried(attempt(0, 1, AttemptState::Failed)),
            attempt(0, 2, AttemptState::Succeeded),
        ];
        assert_eq!(states(&[&[]], &rows, Intent::Run), [TaskState::Succeeded]);
        let rows = [retried(attempt(0, 1, AttemptState::Lost))];
        let standing = task_states(&[Box::default()], &rows, Intent::Run)[0];
        assert_eq!(standing.state, TaskState::Retrying);
        assert_eq!(standing.retry_at, Some(Timestamp(9)));
        assert_eq!(
            states(&[&[]], &rows, Intent::Cancel),
            [TaskState::Cancelled]
        );
    }

    #[test]
    fn what_never_started_is_cancelled_when_the_job_no_longer_runs() {
        let rows = [attempt(0, 1, AttemptState::Stopping)];
        assert_eq!(
            states(&[&[], &[0]], &rows, Intent::Cancel),
            [TaskState::Stopping, TaskState::Cancelled]
        );
        let rows = [attempt(0, 1, AttemptState::TimedOut)];
        assert_eq!(
            states(&[&[], &[0], &[]], &rows, Intent::Fail),
            [
                TaskState::TimedOut,
                TaskState::UpstreamFailed,
                TaskState::Cancelled
            ]
        );
    }

    #[test]
    fn a_chain_as_long_as_a_job_needs_no_deep_stack() {
        let needs: Vec<Box<[u32]>> = (1..100_000)
            .map(|next| Box::from([next]))
            .chain([Box::default()])
            .collect();
        let standings = task_states(&needs, &[], Intent::Run);
        assert_eq!(standings[0].state, TaskState::Pending);
        assert_eq!(standings[99_999].state, TaskState::Queued);
    }
}
