//! `drover dead-letter replay`

use std::process::ExitCode;

use drover_proto::v1::ReplayDeadLetterRequest;

use crate::{
    client::Client,
    command_line::Global,
    commands::submit::worst_outcome,
    error::CliError,
    output::{self, Format},
    progress,
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
    let jobs = progress::follow(&client, &new_ids).await?;
    if global.output == Format::Json {
        for job in &jobs {
            output::print_json(job)?;
        }
    }
    Ok(worst_outcome(&jobs))
}
