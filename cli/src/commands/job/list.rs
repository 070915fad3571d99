//! `drover job list`

use std::process::ExitCode;

use drover_proto::v1::{Job, JobState, ListJobsRequest, ListJobsResponse};

use crate::{
    client::Client,
    command_line::Global,
    commands::pages::Extent,
    error::CliError,
    output::{self, Format},
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  drover job list --state running\n  drover job list --queue nightly --all -o json"
)]
pub(crate) struct Args {
    /// Only jobs in this state, such as running or timed_out; may be given several times [default: any]
    #[arg(long = "state", value_name = "STATE", value_parser = state)]
    states: Vec<JobState>,
    /// Only jobs of this queue [default: any]
    #[arg(long, default_value_t, hide_default_value = true)]
    queue: String,
    /// Only jobs of this namespace
    #[arg(long, default_value = "default")]
    namespace: String,
    #[command(flatten)]
    extent: Extent,
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
    let request = ListJobsRequest {
        namespace: args.namespace,
        states: args.states.into_iter().map(Into::into).collect(),
        queue: args.queue,
        ..ListJobsRequest::default()
    };
    let page = async |page_size, page_token| {
        let request = ListJobsRequest {
            page_size,
            page_token,
            ..request.clone()
        };
        let page = client.list_jobs(request).await?;
        Ok((page.jobs, page.next_page_token))
    };
    let (jobs, next_page_token) = args.extent.collect(page).await?;
    Ok(ListJobsResponse {
        jobs,
        next_page_token,
    })
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
