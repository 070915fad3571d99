//! `drover job show`

use std::process::ExitCode;

use drover_proto::{
    node::cost_text,
    v1::{Attempt, Estimate, Job, Task, estimate::Source},
};

use super::fold::{self, Row};
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
    /// Show every instance of its arrays and gangs, not only those that failed
    #[arg(long)]
    instances: bool,
}

pub(crate) async fn run(args: &Args, global: &Global) -> Result<ExitCode, CliError> {
    let job = Client::connect(&global.address)
        .await?
        .job(&args.id)
        .await?;
    match global.output {
        Format::Json => output::print_json(&job)?,
        Format::Text => output::print(&text(&job, args.instances))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The record for people, with every instance or only those that failed.
pub(crate) fn text(job: &Job, instances: bool) -> String {
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
    if job.cost_micros > 0 {
        facts.push(("Cost", cost_text(job.cost_micros)));
    }
    if job.energy_joules > 0 {
        facts.push(("Energy", output::energy(job.energy_joules)));
    }
    let mut text: String = facts
        .iter()
        .map(|(name, value)| format!("{name:<10} {}\n", output::printable(value)))
        .collect();
    if !job.tasks.is_empty() {
        text += "\nTasks\n";
    }
    for row in fold::rows(&job.tasks, instances) {
        show_row(&row, &mut text);
    }
    text
}

fn show_row(row: &Row<'_>, text: &mut String) {
    show_task(row.task, text);
    if let Some(counts) = &row.task.instances {
        *text += &format!("      {}\n", fold::counts(counts));
    }
    if let Some(waiting) = row.waiting {
        *text += &format!(
            "      {} waits: {}\n",
            output::printable(&waiting.name),
            output::printable(&waiting.pending_reason)
        );
    }
    for instance in &row.instances {
        show_task(instance, text);
    }
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
    if let Some(estimate) = &task.estimate {
        *text += &format!("      expected: {}\n", expected(estimate));
    }
    for attempt in &task.attempts {
        show_attempt("#", attempt, text);
    }
    for attempt in &task.undo_attempts {
        show_attempt("undo #", attempt, text);
    }
}

/// How long an attempt takes, and how anybody would know.
fn expected(estimate: &Estimate) -> String {
    let length = |length: Option<&pbjson_types::Duration>| {
        let length = length.and_then(|length| std::time::Duration::try_from(*length).ok());
        output::duration(length.unwrap_or_default())
    };
    let median = length(estimate.median.as_ref());
    let of = match estimate.source() {
        Source::Spec => return format!("{median}, as the job says"),
        Source::Default | Source::Unspecified => return format!("{median}, a guess"),
        Source::Signature => "of the same",
        Source::Queue => "of others in its queue",
    };
    let high = length(estimate.high.as_ref());
    let runs = estimate.runs;
    format!("{median}, at most {high} nine times in ten, from {runs} runs {of}")
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
mod tests;
