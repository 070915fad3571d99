//! `drover submit`

use std::process::ExitCode;

use drover_proto::v1::{DeadlineAction, JobSpec};

use crate::{
    client::Client,
    command_line::Global,
    commands::wait,
    error::CliError,
    file,
    output::{self, Format},
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  drover submit nightly.yaml\n  drover submit nightly.yaml --deadline 30m --priority high --wait\n\n\
        Several documents in one file (---) are several jobs; all are stored in one commit, or none.\n\
        What a flag says goes before what the file says.\n\
        With --wait the exit code is the outcome: 0 succeeded, 1 failed or rolled back, 4 cancelled, 5 timed out."
)]
pub(crate) struct Args {
    /// Job files, YAML or JSON; - is the standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,
    /// Follow the jobs to their ends; the exit code is then the outcome
    #[arg(long)]
    wait: bool,
    /// Makes it safe to repeat this command for 24 hours: the same id gives the same jobs
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    #[command(flatten)]
    overrides: Overrides,
}

/// What the command line says instead of the file.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Overrides {
    /// When the job should be finished: 10m from now, or 2030-01-31T18:00:00Z
    #[arg(long, value_name = "WHEN", value_parser = file::parse_deadline)]
    deadline: Option<file::Deadline>,
    /// What happens when the deadline passes: none, cancel, or escalate, which raises the priority to urgent
    #[arg(long, value_name = "ACTION", value_parser = file::parse_deadline_action)]
    deadline_action: Option<DeadlineAction>,
    /// low, normal, high, urgent, or 0 to 100 [default: normal]
    #[arg(long, value_parser = file::parse_priority)]
    priority: Option<u32>,
    /// Queue in which the tasks wait [default: default]
    #[arg(long)]
    queue: Option<String>,
    /// Namespace of the job: its queue and request id are told apart from those of others by it [default: default]
    #[arg(long)]
    namespace: Option<String>,
}

impl Overrides {
    pub(crate) fn apply(&self, job: &mut JobSpec) {
        if let Some(deadline) = self.deadline {
            job.deadline = Some(file::deadline(deadline));
        }
        if let Some(action) = self.deadline_action {
            job.deadline_action = action.into();
        }
        if self.priority.is_some() {
            job.priority = self.priority;
        }
        if let Some(queue) = &self.queue {
            job.queue.clone_from(queue);
        }
        if let Some(namespace) = &self.namespace {
            job.namespace.clone_from(namespace);
        }
    }
}

pub(crate) async fn run(args: Args, global: &Global) -> Result<ExitCode, CliError> {
    let mut jobs = read_all(&args.files)?;
    for job in &mut jobs {
        args.overrides.apply(job);
    }
    let client = Client::connect(&global.address).await?;
    let ids = client.submit(jobs, args.request_id.as_deref()).await?;
    if !args.wait {
        return show_ids(&client, &ids, global.output).await;
    }
    for id in &ids {
        eprintln!("submitted {id}");
    }
    wait::for_ends(&client, &ids, global.output).await
}

/// Every job of every file; nothing is submitted if one of them is wrong.
pub(crate) fn read_all(files: &[String]) -> Result<Vec<JobSpec>, CliError> {
    let mut jobs = Vec::new();
    for path in files {
        jobs.extend(file::read(path)?);
    }
    Ok(jobs)
}

async fn show_ids(client: &Client, ids: &[String], format: Format) -> Result<ExitCode, CliError> {
    for id in ids {
        match format {
            Format::Text => output::print(&format!("{id}\n"))?,
            Format::Json => output::print_json(&client.job(id).await?)?,
        }
    }
    Ok(ExitCode::SUCCESS)
}
