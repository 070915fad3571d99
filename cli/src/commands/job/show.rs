//! `drover job show`

use std::process::ExitCode;

use drover_proto::v1::{Attempt, Job, Task};

use crate::{
    client::Client,
    command_line::Global,
    error::CliError,
    output::{self, Format},
    progress,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Id of the job
    id: String,
}

pub(crate) async fn run(args: &Args, global: &Global) -> Result<ExitCode, CliError> {
    let job = Client::connect(&global.address)
        .await?
        .job(&args.id)
        .await?;
    match global.output {
        Format::Json => output::print_json(&job)?,
        Format::Text => output::print(&text(&job))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The record for people.
pub(crate) fn text(job: &Job) -> String {
    let spec = job.spec.clone().unwrap_or_default();
    let mut facts = vec![
        ("Job", job.id.clone()),
        ("Name", spec.name),
        ("State", output::job_state(job.state())),
        ("Namespace", output::or_default(&spec.namespace)),
        ("Queue", output::or_default(&spec.queue)),
        ("Priority", spec.priority.unwrap_or(50).to_string()),
        ("Submitted", output::time(job.submit_time.as_ref())),
        ("Started", output::time(job.start_time.as_ref())),
        ("Ended", ended(job)),
    ];
    if job.deadline.is_some() {
        let missed = if job.deadline_missed { ", missed" } else { "" };
        facts.push(("Deadline", output::time(job.deadline.as_ref()) + missed));
    }
    if !spec.labels.is_empty() {
        let labels = spec
            .labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"));
        facts.push(("Labels", labels.collect::<Vec<_>>().join(", ")));
    }
    if !job.message.is_empty() {
        facts.push(("Message", job.message.clone()));
    }
    if !job.replay_of.is_empty() {
        facts.push(("Replay of", job.replay_of.clone()));
    }
    let mut text: String = facts
        .iter()
        .map(|(name, value)| format!("{name:<10} {}\n", output::printable(value)))
        .collect();
    if !job.tasks.is_empty() {
        text += "\nTasks\n";
    }
    for task in &job.tasks {
        show_task(task, &mut text);
    }
    text
}

fn ended(job: &Job) -> String {
    let at = output::time(job.end_time.as_ref());
    match output::between(job.submit_time.as_ref(), job.end_time.as_ref()) {
        Some(wall) => format!("{at}, {} after submission", output::duration(wall)),
        None => at,
    }
}

fn show_task(task: &Task, text: &mut String) {
    *text += &format!(
        "  {} {}  {}\n",
        progress::glyph(task.state()),
        output::printable(&task.name),
        output::task_state(task.state())
    );
    if !task.pending_reason.is_empty() {
        *text += &format!("      waits: {}\n", output::printable(&task.pending_reason));
    }
    if task.retry_time.is_some() {
        *text += &format!(
            "      next attempt at {}\n",
            output::time(task.retry_time.as_ref())
        );
    }
    for attempt in &task.attempts {
        show_attempt("#", attempt, text);
    }
    for attempt in &task.undo_attempts {
        show_attempt("undo #", attempt, text);
    }
}

fn show_attempt(number: &str, attempt: &Attempt, text: &mut String) {
    *text += &format!(
        "      {number}{} {}",
        attempt.number,
        output::attempt_state(attempt.state()),
    );
    if !attempt.node.is_empty() {
        *text += &format!(" on {}", output::printable(&attempt.node));
    }
    if let Some(ran) = output::between(attempt.start_time.as_ref(), attempt.end_time.as_ref()) {
        *text += &format!(", {}", output::duration(ran));
    }
    if let Some(code) = attempt.exit_code {
        *text += &format!(", exit code {code}");
    }
    if !attempt.message.is_empty() {
        *text += &format!(": {}", output::printable(&attempt.message));
    }
    text.push('\n');
    if !attempt.decision.is_empty() {
        *text += &format!("         {}\n", output::printable(&attempt.decision));
    }
}

#[cfg(test)]
mod tests {
    use drover_proto::v1::{AttemptState, JobSpec, JobState, TaskState};
    use pbjson_types::Timestamp;

    use super::*;

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp { seconds, nanos: 0 })
    }

    #[test]
    fn record_shows_attempts_and_why_tasks_wait() {
        let failed = Attempt {
            number: 1,
            state: AttemptState::Failed.into(),
            node: "n1".to_owned(),
            start_time: at(10),
            end_time: at(15),
            exit_code: Some(2),
            message: "exit code 2".to_owned(),
            ..Attempt::default()
        };
        let job = Job {
            id: "id".to_owned(),
            spec: Some(JobSpec {
                name: "nightly".to_owned(),
                ..JobSpec::default()
            }),
            state: JobState::Running.into(),
            submit_time: at(5),
            tasks: vec![
                Task {
                    name: "a".to_owned(),
                    state: TaskState::Failed.into(),
                    attempts: vec![failed],
                    ..Task::default()
                },
                Task {
                    name: "b".to_owned(),
                    state: TaskState::Queued.into(),
                    pending_reason: "no node has 9 cores".to_owned(),
                    ..Task::default()
                },
            ],
            ..Job::default()
        };
        let text = text(&job);
        assert!(
            text.starts_with("Job        id\nName       nightly\nState      running\n"),
            "{text}"
        );
        assert!(
            text.ends_with(
                "Tasks\n  ✘ a  failed\n      #1 failed on n1, 5.0 s, exit code 2: exit code 2\n  \
                 ○ b  queued\n      waits: no node has 9 cores\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn record_shows_what_was_undone() {
        let attempt = |number, state: AttemptState, node: &str| Attempt {
            number,
            state: state.into(),
            node: node.to_owned(),
            ..Attempt::default()
        };
        let job = Job {
            id: "id".to_owned(),
            state: JobState::RolledBack.into(),
            replay_of: "dead".to_owned(),
            tasks: vec![
                Task {
                    name: "a".to_owned(),
                    state: TaskState::Undone.into(),
                    attempts: vec![attempt(1, AttemptState::Succeeded, "n1")],
                    undo_attempts: vec![
                        attempt(1, AttemptState::Failed, "n1"),
                        attempt(2, AttemptState::Succeeded, "n2"),
                    ],
                    ..Task::default()
                },
                Task {
                    name: "b".to_owned(),
                    state: TaskState::TimedOut.into(),
                    attempts: vec![attempt(1, AttemptState::Expired, "")],
                    ..Task::default()
                },
            ],
            ..Job::default()
        };
        let text = text(&job);
        assert!(text.contains("State      rolled back\n"), "{text}");
        assert!(text.contains("Replay of  dead\n"), "{text}");
        assert!(
            text.ends_with(
                "Tasks\n  ↶ a  undone\n      #1 succeeded on n1\n      undo #1 failed on n1\n      \
                 undo #2 succeeded on n2\n  ✘ b  timed out\n      #1 expired\n"
            ),
            "{text}"
        );
    }
}
