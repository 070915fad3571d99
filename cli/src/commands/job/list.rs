//! `drover job list`

use std::process::ExitCode;

use drover_proto::v1::{Job, JobState, ListJobsRequest, ListJobsResponse};

use crate::{
    client::Client,
    command_line::Global,
    error::CliError,
    output::{self, Format},
};

/// The largest page the coordinator gives.
const MAX_PAGE: u32 = 1_000;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  drover job list --state running\n  drover job list --queue nightly --all -o json"
)]
pub(crate) struct Args {
    /// Only jobs in this state; may be given several times
    #[arg(long = "state", value_name = "STATE", value_parser = state)]
    states: Vec<JobState>,
    /// Only jobs of this queue
    #[arg(long, default_value_t)]
    queue: String,
    /// Only jobs of this namespace [default: default]
    #[arg(long, default_value_t)]
    namespace: String,
    /// At most so many
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Every job
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

fn state(text: &str) -> Result<JobState, String> {
    let name = format!("JOB_STATE_{}", text.to_uppercase().replace(['-', ' '], "_"));
    JobState::from_str_name(&name)
        .filter(|state| *state != JobState::Unspecified)
        .ok_or_else(|| {
            "expected queued, running, succeeded, failed, timed_out, cancelled, rolling_back, rolled_back or \
             rollback_failed"
                .to_owned()
        })
}

pub(crate) async fn run(args: Args, global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let found = collect(&client, args).await?;
    match global.output {
        Format::Json => output::print_json(&found)?,
        Format::Text => output::print(&text(&found.jobs))?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn collect(client: &Client, args: Args) -> Result<ListJobsResponse, CliError> {
    let limit = if args.all {
        usize::MAX
    } else {
        args.limit as usize
    };
    let mut request = ListJobsRequest {
        namespace: args.namespace,
        states: args.states.into_iter().map(Into::into).collect(),
        queue: args.queue,
        page_size: u32::try_from(limit).unwrap_or(MAX_PAGE).min(MAX_PAGE),
        page_token: String::new(),
    };
    let mut found = ListJobsResponse::default();
    loop {
        let page = client.list_jobs(request.clone()).await?;
        found.jobs.extend(page.jobs);
        found.next_page_token = page.next_page_token;
        if found.next_page_token.is_empty() || found.jobs.len() >= limit {
            found.jobs.truncate(limit);
            return Ok(found);
        }
        request.page_token.clone_from(&found.next_page_token);
    }
}

fn text(jobs: &[Job]) -> String {
    let rows: Vec<[String; 7]> = jobs.iter().map(row).collect();
    output::table(
        [
            "ID",
            "NAME",
            "STATE",
            "QUEUE",
            "TASKS",
            "SUBMITTED",
            "DEADLINE",
        ],
        &rows,
    )
}

fn row(job: &Job) -> [String; 7] {
    let spec = job.spec.clone().unwrap_or_default();
    let counts = job.counts.unwrap_or_default();
    let missed = if job.deadline_missed { " missed" } else { "" };
    [
        job.id.clone(),
        output::printable(&spec.name),
        output::job_state(job.state()),
        output::or_default(&spec.queue),
        format!(
            "{}/{}",
            counts.succeeded + counts.unsuccessful,
            counts.total
        ),
        output::time(job.submit_time.as_ref()),
        output::time(job.deadline.as_ref()) + missed,
    ]
}
