//! `drover bench ...`: how fast it is, measured from outside.
//!
//! ```text
//!   throughput, latency -> session -> target     the store, opened beside the coordinator to count in it
//!                             |    -> processes  this program again: `drover coordinator`, `drover agent`
//!                             +-> load, cpu, machine -> report
//!   queue                   the model alone, in this process
//! ```

mod cpu;
mod error;
mod latency;
mod load;
mod machine;
mod processes;
mod queue;
mod report;
mod session;
mod target;
mod throughput;

use std::process::ExitCode;

use clap::Subcommand;

pub(crate) use error::BenchError;

use crate::{
    error::CliError,
    output::{self, Format},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tasks per second through separate processes, real sockets and durable commits
    Throughput(throughput::ThroughputArgs),
    /// Time from submit call to process start, at a fixed rate of submit calls
    Latency(latency::LatencyArgs),
    /// Speed of dispatch with short and long queues, in the model alone
    Queue(queue::QueueArgs),
}

impl Command {
    pub(crate) async fn run(self, format: Format) -> Result<ExitCode, CliError> {
        match self {
            Self::Throughput(args) => throughput::run(args, format).await,
            Self::Latency(args) => latency::run(args, format).await,
            Self::Queue(args) => dispatch_speed(&args, format),
        }
    }
}

fn dispatch_speed(args: &queue::QueueArgs, format: Format) -> Result<ExitCode, CliError> {
    if format == Format::Json {
        output::print_json(&queue::run(args, |_| {}))?;
        return Ok(ExitCode::SUCCESS);
    }
    let speeds = queue::run(args, |speed| eprintln!("measured {}", speed.policy));
    let rows: Vec<[String; 4]> = speeds
        .iter()
        .map(|speed| {
            let rates = [speed.short, speed.long].map(|rate| format!("{rate:.0}"));
            let [short, long] = rates;
            [
                speed.policy.to_owned(),
                short,
                long,
                format!("{:.2}", speed.ratio),
            ]
        })
        .collect();
    output::print(&output::table(
        ["POLICY", "SHORT QUEUE /S", "LONG QUEUE /S", "RATIO"],
        &rows,
    ))?;
    Ok(ExitCode::SUCCESS)
}
