//! Boards as text. Pure: what is shown follows from the boards and the time alone.

use std::time::Duration;

use drover_proto::v1::{AttemptState, Job, JobState, TaskState};

use super::board::{Board, Line, News};
use crate::output;

/// With more tasks than this, only those that run are shown one by one.
const FULL_VIEW: usize = 20;

/// Of those, at most so many.
const SHOWN_RUNNING: usize = 8;

/// When a job has ended.
const SHOWN_FAILURES: usize = 20;

const BAR: usize = 24;

/// The live view: for each job a line with a bar, then its tasks.
pub(super) fn live(boards: &[Board], now: i64) -> Vec<String> {
    let total: usize = boards.iter().map(Board::total).sum();
    let mut lines = Vec::new();
    for board in boards {
        lines.push(heading(board, now));
        if total <= FULL_VIEW {
            lines.extend(board.tasks.iter().map(|line| task(line, now)));
        } else {
            lines.push(counts(board));
            let running = board.tasks.iter().filter(|line| is_active(line.state));
            lines.extend(running.take(SHOWN_RUNNING).map(|line| task(line, now)));
        }
    }
    lines
}

fn heading(board: &Board, now: i64) -> String {
    let total = board.total();
    let ended = board.ended();
    let filled = (ended * BAR).checked_div(total).unwrap_or(0);
    let deadline = board
        .deadline
        .filter(|_| !board.is_final())
        .map(|deadline| match deadline - now {
            left if left >= 0 => format!(", {} to the deadline", length(left)),
            late => format!(", deadline missed by {}", length(-late)),
        })
        .unwrap_or_default();
    format!(
        "{} {} [{}{}] {ended}/{total} {}{deadline}",
        job_glyph(board.state),
        output::printable(&board.name),
        "=".repeat(filled),
        " ".repeat(BAR - filled),
        output::job_state(board.state),
    )
}

fn task(line: &Line, now: i64) -> String {
    let mut text = format!(
        "  {} {}  {}",
        glyph(line.state),
        output::printable(&line.name),
        output::task_state(line.state)
    );
    if !line.node.is_empty() && line.state != TaskState::Retrying {
        text += &format!(" on {}", output::printable(&line.node));
    }
    if line.attempt > 1 {
        text += &format!(", attempt {}", line.attempt);
    }
    if let Some(started_at) = line.started_at {
        text += &format!(", {}", length(line.ended_at.unwrap_or(now) - started_at));
    }
    text
}

fn counts(board: &Board) -> String {
    let count = |states: &[TaskState]| board.count(states);
    let groups = [
        ("waiting", count(&[TaskState::Pending, TaskState::Queued])),
        (
            "active",
            count(&[TaskState::Assigned, TaskState::Running, TaskState::Stopping]),
        ),
        ("retrying", count(&[TaskState::Retrying])),
        ("succeeded", count(&[TaskState::Succeeded])),
        ("failed", count(&[TaskState::Failed, TaskState::TimedOut])),
        (
            "not run",
            count(&[TaskState::Cancelled, TaskState::UpstreamFailed]),
        ),
        ("undoing", count(&[TaskState::Undoing])),
        ("undone", count(&[TaskState::Undone])),
        ("not undone", count(&[TaskState::UndoFailed])),
    ];
    let groups = groups.iter().filter(|(_, count)| *count > 0);
    let words: Vec<String> = groups
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    format!("  {}", words.join(", "))
}

/// One line for a change, where there is no terminal.
pub(super) fn change(board: &Board, news: &News) -> String {
    let job = output::printable(&board.name);
    match news {
        News::Task(index) => {
            let line = &board.tasks[*index];
            let mut text = format!(
                "{job}/{}: {}",
                output::printable(&line.name),
                output::task_state(line.state)
            );
            let at_work = is_active(line.state) || line.state == TaskState::Undoing;
            if !line.node.is_empty() && at_work {
                text += &format!(" on {}", output::printable(&line.node));
            }
            if line.attempt > 1 {
                text += &format!(" (attempt {})", line.attempt);
            }
            text
        }
        News::Job if board.message.is_empty() => {
            format!("{job}: {}", output::job_state(board.state))
        }
        News::Job => format!(
            "{job}: {} ({})",
            output::job_state(board.state),
            output::printable(&board.message)
        ),
    }
}

/// What is said when a job has ended.
pub(crate) fn summary(job: &Job) -> String {
    let name = job
        .spec
        .as_ref()
        .map(|spec| spec.name.as_str())
        .unwrap_or_default();
    let mut text = format!(
        "{} {} {}",
        job_glyph(job.state()),
        output::printable(name),
        output::job_state(job.state())
    );
    if let Some(wall) = output::between(job.submit_time.as_ref(), job.end_time.as_ref()) {
        text += &format!(" in {}", output::duration(wall));
    }
    text += &verdict(job);
    if !job.message.is_empty() {
        text += &format!(": {}", output::printable(&job.message));
    }
    let mut failures = job.tasks.iter().filter(|task| is_failure(task.state()));
    for task in failures.by_ref().take(SHOWN_FAILURES) {
        text += &format!(
            "\n  {} {} {}",
            glyph(task.state()),
            output::printable(&task.name),
            output::task_state(task.state())
        );
        let undo = task.state() == TaskState::UndoFailed;
        let attempts = if undo {
            &task.undo_attempts
        } else {
            &task.attempts
        };
        let last = attempts
            .iter()
            .rev()
            .find(|attempt| attempt.state() != AttemptState::Cancelled);
        if let Some(attempt) = last.filter(|attempt| !attempt.message.is_empty()) {
            text += &format!(": {}", output::printable(&attempt.message));
        }
        if last.is_some_and(|attempt| attempt.state() != AttemptState::Expired) {
            text += &format!(
                "\n      drover job logs {} {}{}",
                job.id,
                shell_word(&task.name),
                if undo { " --undo" } else { "" }
            );
        }
    }
    match failures.count() {
        0 => {}
        more => text += &format!("\n  and {more} more; drover job show {} tells them", job.id),
    }
    text
}

fn verdict(job: &Job) -> String {
    let Some((deadline, end)) = job.deadline.as_ref().zip(job.end_time.as_ref()) else {
        return String::new();
    };
    match output::millis(deadline) - output::millis(end) {
        spare if spare >= 0 => format!(", deadline met with {} to spare", length(spare)),
        late => format!(", deadline missed by {}", length(-late)),
    }
}

/// So that a command can be copied from the screen.
fn shell_word(text: &str) -> String {
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_./:".contains(c));
    let text = output::printable(text);
    if plain {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn length(ms: i64) -> String {
    output::duration(Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
}

fn is_active(state: TaskState) -> bool {
    matches!(
        state,
        TaskState::Assigned | TaskState::Running | TaskState::Stopping
    )
}

fn is_failure(state: TaskState) -> bool {
    matches!(
        state,
        TaskState::Failed | TaskState::TimedOut | TaskState::UndoFailed
    )
}

fn job_glyph(state: JobState) -> char {
    match state {
        JobState::Succeeded => '✔',
        JobState::Failed | JobState::TimedOut | JobState::RollbackFailed => '✘',
        JobState::Cancelled => '■',
        JobState::Running => '▶',
        JobState::RollingBack | JobState::RolledBack => '↶',
        JobState::Queued | JobState::Unspecified => '·',
    }
}

pub(crate) fn glyph(state: TaskState) -> char {
    match state {
        TaskState::Succeeded => '✔',
        TaskState::Failed | TaskState::TimedOut | TaskState::UndoFailed => '✘',
        TaskState::Undoing | TaskState::Undone => '↶',
        TaskState::Cancelled | TaskState::Stopping => '■',
        TaskState::UpstreamFailed => '⊘',
        TaskState::Running => '▶',
        TaskState::Assigned => '▷',
        TaskState::Retrying => '↻',
        TaskState::Queued => '○',
        TaskState::Pending | TaskState::Unspecified => '·',
    }
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
