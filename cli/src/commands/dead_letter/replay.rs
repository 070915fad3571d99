//! `drover dead-letter replay`

use std::process::ExitCode;

use drover_proto::v1::{ReplayDeadLetterRequest, job_spec, replay_dead_letter_request as request};

use crate::{
    client::Client,
    command_line::Global,
    commands::wait,
    error::CliError,
    file::{self, Deadline},
    output::{self, Format},
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Each job is submitted under a new id, which is printed. Safe to repeat: a dead job is replayed once, and\n\
        its new id is printed again.\n\n\
        Examples:\n  drover dead-letter replay 0192...\n  drover dead-letter replay 0192... --from-failed --wait"
)]
pub(crate) struct Args {
    /// Ids of dead jobs
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// Keep what had succeeded, and go on from what had not; not for a job that was rolled back
    #[arg(long)]
    from_failed: bool,
    /// In the place of the job's own deadline: 30m, 1h30m from now, or a point in time (2030-01-31T18:00:00Z)
    #[arg(long, value_name = "WHEN", value_parser = file::parse_deadline)]
    deadline: Option<Deadline>,
    /// Follow the new jobs to their ends; the exit code is then the outcome
    #[arg(long)]
    wait: bool,
}

pub(crate) async fn run(args: Args, global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let mut new_ids = Vec::with_capacity(args.ids.len());
    for job_id in args.ids {
        let request = ReplayDeadLetterRequest {
            job_id: job_id.clone(),
            from_failed: args.from_failed,
            deadline: args.deadline.map(new_deadline),
        };
        let answer = client.replay(request).await?;
        if answer.duplicate {
            eprintln!("{job_id} had been replayed before");
        }
        match global.output {
            _ if args.wait => eprintln!("submitted {}", answer.job_id),
            Format::Text => output::print(&format!("{}\n", answer.job_id))?,
            Format::Json => output::print_json(&client.job(&answer.job_id).await?)?,
        }
        new_ids.push(answer.job_id);
    }
    if !args.wait {
        return Ok(ExitCode::SUCCESS);
    }
    wait::for_ends(&client, &new_ids, global.output).await
}

fn new_deadline(deadline: Deadline) -> request::Deadline {
    match file::deadline(deadline) {
        job_spec::Deadline::DeadlineAfter(after) => request::Deadline::DeadlineAfter(after),
        job_spec::Deadline::DeadlineAt(at) => request::Deadline::DeadlineAt(at),
    }
}
