//! `drover bench calibration`: does the simulator say what a real cluster does?
//!
//! Two loads run on a coordinator and agents of their own, one that never waits for capacity and one that fills most of
//! it. Both are exported as anybody would and simulated as recorded; the same jobs then have two starts and two ends.
//!
//! Between a submission and its start a real cluster commits twice and sends once; the simulator has one delay for that
//! ([`drover_sim::simulate::Options::start_latency_ms`]). It is measured on the first half of the load that never waits:
//! the mean of start less submission. Everything else is judged with it.

mod compare;
mod plan;

use std::{process::ExitCode, time::Duration};

use drover_model::{Weights, dispatch::Mode, policy};
use drover_proto::{time, v1::ExportHistoryRequest};
use drover_sim::{
    simulate::{self, Options},
    trace::{
        Trace,
        history::{History, line::Line},
    },
};
use tokio::{task::JoinSet, time::Instant};

use super::{
    error::BenchError,
    load::{self, NAMESPACE},
    session::{Session, SessionArgs, Work},
};
use crate::{
    client::{Address, Client},
    error::CliError,
    history,
    output::{self, Format},
};
use compare::Comparison;
use plan::Planned;

const UNCONTENDED: &str = "uncontended";
const CONTENDED: &str = "contended";

/// A real run against its simulation: starts without contention, waits and flow times with it
#[derive(Debug, clap::Args)]
// Here capacity is what jobs wait for.
#[command(
    mut_arg("agents", |arg| arg.value_parser(clap::value_parser!(u32).range(1..=100))),
    mut_arg("cpu", |arg| arg
        .help("Cores that each agent declares")
        .default_value("16")
        .value_parser(clap::value_parser!(u32).range(2..=1_000)))
)]
pub(crate) struct CalibrationArgs {
    #[command(flatten)]
    session: SessionArgs,
    /// Jobs of each of the two loads
    #[arg(long, value_name = "NUMBER", default_value_t = 300, value_parser = clap::value_parser!(u32).range(10..=10_000))]
    jobs: u32,
    /// Mean run time of a job of the load that fills the cluster; the other's are a fifth of it
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = time::parse_duration)]
    run_time: Duration,
    /// Share of the cluster that the load with contention would keep busy
    #[arg(long, default_value_t = 0.9)]
    load: f64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Succeed whatever the figures are
    #[arg(long)]
    no_limits: bool,
}

pub(crate) async fn run(args: CalibrationArgs, format: Format) -> Result<ExitCode, CliError> {
    if !(args.load > 0.0 && args.load <= 10.0) {
        let problem = format!("--load must be above 0 and at most 10, not {}", args.load);
        return Err(CliError::Usage(problem));
    }
    let mut session = Session::open(&args.session).await?;
    let compared = session
        .unless_interrupted(async |work| {
            let compared = measure(&args, work).await;
            compared.map_err(|error| BenchError::Call(Box::new(error)))
        })
        .await;
    session.close().await;
    let comparison = compared?;
    match format {
        Format::Json => output::print_json(&comparison)?,
        Format::Text => output::print(&comparison.text())?,
    }
    Ok(match comparison.holds || args.no_limits {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

async fn measure(args: &CalibrationArgs, work: &mut Work<'_>) -> Result<Comparison, CliError> {
    let client = Client::connect(&Address::one(&work.cluster.url())).await?;
    let SessionArgs { agents, cpu, .. } = args.session;
    let cpus = agents * cpu;
    let mut planner = plan::Planner::new(args.seed, args.jobs, args.run_time);
    let free = planner.uncontended();
    let full = planner.contended(cpu, f64::from(cpus) * args.load);
    let free = happened(&client, work, UNCONTENDED, free).await?;
    let full = happened(&client, work, CONTENDED, full).await?;
    let latency_ms = compare::start_latency_ms(&free.1);
    Ok(Comparison::new(
        latency_ms,
        (&free.1, &replayed(&free, latency_ms)?),
        (&full.1, &replayed(&full, latency_ms)?),
    ))
}

/// Runs the jobs at their times, and reads back what became of them.
async fn happened(
    client: &Client,
    work: &mut Work<'_>,
    queue: &'static str,
    planned: Vec<Planned>,
) -> Result<(History, Trace), CliError> {
    eprintln!("running {} jobs, {queue}", planned.len());
    let from = drover_model::Timestamp(output::now_ms() - 1_000);
    let begun = Instant::now();
    let mut calls = JoinSet::new();
    for one in planned {
        tokio::time::sleep_until(begun + one.at).await;
        let client = client.clone();
        let job = one.job(NAMESPACE, queue);
        calls.spawn(async move { client.submit(vec![job], None).await });
    }
    while let Some(answer) = calls.join_next().await {
        answer.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    }
    load::drain(work.cluster).await?;
    let request = ExportHistoryRequest {
        namespace: NAMESPACE.to_owned(),
        queue: queue.to_owned(),
        from_time: Some(time::from_model(from)),
        until_time: None,
    };
    // Through the text, as somebody else would read it.
    let mut text = String::new();
    history::export(client, request, |line: Line| {
        text += &serde_json::to_string(&line)
            .map_err(|error| CliError::io("cannot write JSON")(error.into()))?;
        text.push('\n');
        Ok(())
    })
    .await?;
    let history = drover_sim::trace::history::read(text.as_bytes(), false);
    let history = history.map_err(BenchError::History)?;
    let (trace, _) = history.trace(queue).map_err(BenchError::History)?;
    Ok((history, trace))
}

/// With the rules that the coordinator had.
fn replayed(
    (history, trace): &(History, Trace),
    start_latency_ms: u64,
) -> Result<simulate::Outcome, BenchError> {
    let header = &history.header;
    let policy = policy::find(&header.policy).ok();
    let mode = header.dispatch_mode.parse::<Mode>().ok();
    let weights = header.score_weights.parse::<Weights>().ok();
    let unknown = || BenchError::Program {
        program: "the coordinator",
        problem: format!("it goes by rules that this build does not know: {header:?}"),
    };
    let options = Options {
        start_latency_ms,
        weights: weights.ok_or_else(unknown)?,
        ..Options::new(policy.ok_or_else(unknown)?, mode.ok_or_else(unknown)?)
    };
    Ok(simulate::simulate(trace, &options)?)
}
