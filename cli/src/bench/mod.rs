//! `drover bench ...`: how fast it is, measured from outside.
//!
//! ```text
//!   throughput, latency -> session -> target     the store, opened beside the coordinator to count in it
//!                             |    -> processes  this program again: `drover coordinator`, `drover agent`
//!                             +-> load, cpu, machine -> report
//!   queue                   the model alone, in this process; memory: a coordinator with a long queue
//!   placement               the model alone, with many nodes
//!   calibration             a session, its history, and the simulator
//! ```

mod calibration;
mod cpu;
mod error;
mod latency;
mod load;
mod machine;
mod memory;
mod placement;
mod processes;
mod queue;
mod report;
mod session;
mod target;
mod throughput;

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;

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
    /// Speed of dispatch with short and long queues and time of a decision, in the model alone, and memory of what waits
    Queue(queue::QueueArgs),
    /// Time to place single tasks, and gangs of as many, on many nodes, in the model alone
    Placement(placement::PlacementArgs),
    /// A real run, exported and simulated: how near one comes to the other
    Calibration(calibration::CalibrationArgs),
}

impl Command {
    pub(crate) async fn run(self, format: Format) -> Result<ExitCode, CliError> {
        match self {
            Self::Throughput(args) => throughput::run(args, format).await,
            Self::Latency(args) => latency::run(args, format).await,
            Self::Queue(args) => queue_costs(&args, format).await,
            Self::Placement(args) => placement_costs(&args, format),
            Self::Calibration(args) => calibration::run(args, format).await,
        }
    }
}

#[derive(Serialize)]
struct QueueCosts {
    speeds: Vec<queue::Speed>,
    decisions: Vec<queue::Decision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<memory::Memory>,
}

async fn queue_costs(args: &queue::QueueArgs, format: Format) -> Result<ExitCode, CliError> {
    let speeds = queue::run(args, |speed| eprintln!("measured {}", speed.policy));
    let memory = match args.memory_tasks {
        0 => None,
        tasks => Some(memory::measure(tasks).await?),
    };
    let costs = QueueCosts {
        speeds,
        decisions: queue::decisions(),
        memory,
    };
    if format == Format::Json {
        output::print_json(&costs)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<[String; 4]> = costs
        .speeds
        .iter()
        .map(|speed| {
            [
                speed.policy.to_owned(),
                format!("{:.0}", speed.short),
                format!("{:.0}", speed.long),
                format!("{:.2}", speed.ratio),
            ]
        })
        .collect();
    output::print(&output::table(
        ["POLICY", "SHORT QUEUE /S", "LONG QUEUE /S", "RATIO"],
        &rows,
    ))?;
    let rows: Vec<[String; 4]> = costs.decisions.iter().map(decision).collect();
    output::print(&format!(
        "\n{}",
        output::table(["ROUND OF", "SHAPES", "WAITING", "US"], &rows)
    ))?;
    if let Some(memory) = costs.memory {
        output::print(&(memory.sentence() + "\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn decision(decision: &queue::Decision) -> [String; 4] {
    [
        decision.policy.to_owned(),
        decision.shapes.to_string(),
        decision.waiting.to_string(),
        format!("{:.1}", decision.median_us),
    ]
}

fn placement_costs(args: &placement::PlacementArgs, format: Format) -> Result<ExitCode, CliError> {
    let costs = placement::run(args);
    if format == Format::Json {
        output::print_json(&costs)?;
        return Ok(ExitCode::SUCCESS);
    }
    let size = costs.size;
    let rows = [
        (format!("{size} single tasks"), costs.singles_us),
        (format!("gang of {size}"), costs.any_us),
        (
            format!("gang of {size} in one region"),
            costs.same_region_us,
        ),
        (format!("ring of {size}"), costs.ring_us),
    ];
    let rows = rows.map(|(what, us)| [what, format!("{us:.1}")]);
    output::print(&output::table(["PLACED", "US"], &rows))?;
    let (nodes, compared) = (costs.nodes, costs.compared);
    output::print(&format!(
        "{compared} of {nodes} nodes compared for a task\n"
    ))?;
    Ok(ExitCode::SUCCESS)
}
