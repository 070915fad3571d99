//! `drover job logs`

use std::{io::Write as _, process::ExitCode};

use drover_proto::v1::{GetLogsRequest, LogLine, LogStream};

use crate::{
    client::Client,
    command_line::Global,
    error::CliError,
    output::{self, Format},
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  drover job logs 0192...  build\n  drover job logs 0192... build --attempt 1 --follow\n  \
        drover job logs 0192... build --undo"
)]
pub(crate) struct Args {
    /// Id of the job
    id: String,
    /// Only this task
    task: Option<String>,
    /// Number of the attempt [default: the last]
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0,
        hide_default_value = true
    )]
    attempt: u32,
    /// Of the undo step of the task
    #[arg(long, requires = "task")]
    undo: bool,
    /// Go on until the end
    #[arg(short, long)]
    follow: bool,
}

/// Which output to show, and how.
pub(crate) struct Request {
    query: GetLogsRequest,
    format: Format,
}

impl Request {
    /// Everything a job of one task writes, as it comes.
    pub(crate) fn follow_all(id: &str) -> Self {
        Self {
            query: GetLogsRequest {
                job_id: id.to_owned(),
                follow: true,
                ..GetLogsRequest::default()
            },
            format: Format::Text,
        }
    }
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
    stream(
        &client,
        Request {
            query,
            format: global.output,
        },
    )
    .await?;
    Ok(ExitCode::SUCCESS)
}

/// Copies output to where it belongs, byte by byte.
pub(crate) async fn stream(client: &Client, request: Request) -> Result<(), CliError> {
    let Request { query, format } = request;
    let failed = |status| client.failed(status);
    let mut lines = client.logs(query).await?;
    while let Some(line) = lines.message().await.map_err(failed)? {
        match format {
            Format::Json => output::print_json(&line)?,
            Format::Text => copy(&line)?,
        }
    }
    Ok(())
}

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
