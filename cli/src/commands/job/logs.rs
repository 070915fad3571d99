//! `drover job logs`

use std::{io::Write as _, process::ExitCode};

use drover_proto::v1::{GetLogsRequest, LogLine, LogStream};

use super::shown::Shown;
use crate::{
    client::{Client, Heard, Lasting},
    command_line::Global,
    error::CliError,
    output::{self, Format},
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  drover job logs 0192... build\n  drover job logs 0192... build --attempt 1 --follow\n  \
        drover job logs 0192... build --undo"
)]
pub(crate) struct Args {
    /// Id of the job
    id: String,
    /// Only this task [default: all]
    task: Option<String>,
    /// Number of the attempt [default: the last]
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0,
        hide_default_value = true
    )]
    attempt: u32,
    /// What the undo step of the task has written
    #[arg(long, requires = "task")]
    undo: bool,
    /// Go on with what is written until the job has ended
    #[arg(short, long)]
    follow: bool,
}

pub(crate) async fn run(args: Args, global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let query = GetLogsRequest {
        job_id: args.id,
        task: args.task.unwrap_or_default(),
        attempt: args.attempt,
        follow: args.follow,
        undo: args.undo,
    };
    let show = |line: &LogLine| match global.output {
        Format::Json => output::print_json(line),
        Format::Text => copy(line),
    };
    if query.follow {
        follow(&client, &query, show).await?;
    } else {
        let mut lines = client.logs(query).await?.answer;
        let failed = |status| client.failed(status);
        while let Some(line) = lines.message().await.map_err(failed)? {
            show(&line)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Everything the tasks of a job write, as it comes, to where it belongs.
pub(crate) async fn follow_all(client: &Client, id: &str) -> Result<(), CliError> {
    let query = GetLogsRequest {
        job_id: id.to_owned(),
        follow: true,
        ..GetLogsRequest::default()
    };
    follow(client, &query, copy).await
}

/// Shows output until its end. When the coordinator goes away, the next one tells everything from its beginning, of which
/// what has been shown is passed over.
async fn follow(
    client: &Client,
    query: &GetLogsRequest,
    mut show: impl FnMut(&LogLine) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut lines = Lasting::new(client, || client.logs(query.clone()));
    let mut shown = Shown::default();
    while let Some(heard) = lines.next().await? {
        match heard {
            Heard::Beginning => shown.begin_anew(),
            Heard::Message(line) => {
                if let Some(rest) = shown.rest(line) {
                    show(&rest)?;
                }
            }
        }
    }
    Ok(())
}

/// A byte for a byte.
fn copy(line: &LogLine) -> Result<(), CliError> {
    if line.dropped_bytes > 0 {
        eprintln!(
            "[{}: {} not kept]",
            output::printable(&line.task),
            output::bytes(line.dropped_bytes)
        );
    }
    if line.stream() == LogStream::Stderr {
        return std::io::stderr()
            .lock()
            .write_all(&line.data)
            .map_err(CliError::io("cannot write to the standard error"));
    }
    output::print_bytes(&line.data)
}

#[cfg(test)]
mod tests;
