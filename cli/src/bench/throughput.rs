//! `drover bench throughput`

use std::{
    collections::BTreeMap,
    process::ExitCode,
    time::{Duration, Instant},
};

use drover_proto::time::parse_duration;

use super::{
    cpu::Snapshot,
    error::BenchError,
    load::{self, Load, Shape, Until},
    machine::Yardsticks,
    report::{self, Quantiles, Setting, ThroughputReport, ThroughputRun},
    session::{Session, SessionArgs, Work},
};
use crate::{error::CliError, output::Format};

#[derive(Debug, clap::Args)]
pub(crate) struct ThroughputArgs {
    #[command(flatten)]
    session: SessionArgs,
    /// What one call submits
    #[arg(long, value_enum, default_value = "dag")]
    shape: Shape,
    /// How long jobs are submitted
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
    duration: Duration,
    /// Finished tasks that must be stored before the measurement; what is missing is run first
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000_000)]
    history: u64,
    /// Connections of the client
    #[arg(long, value_name = "NUMBER", default_value_t = 16)]
    connections: usize,
    /// Calls that wait for their answers on each connection
    #[arg(long, value_name = "NUMBER", default_value_t = 16)]
    in_flight: usize,
    /// Measurements; the best one counts
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    repeat: u32,
}

impl ThroughputArgs {
    fn load(&self, shape: Shape, until: Until) -> Load {
        Load {
            shape,
            connections: self.connections,
            in_flight: self.in_flight,
            until,
        }
    }
}

pub(crate) async fn run(args: ThroughputArgs, format: Format) -> Result<ExitCode, CliError> {
    let mut session = Session::open(&args.session).await?;
    let outcome = measure_all(&args, &mut session).await;
    session.close().await;
    let report = outcome?;
    report.print(format)?;
    Ok(ExitCode::SUCCESS)
}

async fn measure_all(
    args: &ThroughputArgs,
    session: &mut Session,
) -> Result<ThroughputReport, BenchError> {
    let history = session
        .unless_interrupted(async |session| prepare(args, session).await)
        .await?;
    let mut runs = Vec::new();
    for number in 1..=args.repeat.max(1) {
        eprintln!(
            "measuring ({number} of {}) for {:?}",
            args.repeat.max(1),
            args.duration
        );
        let mut run = session
            .unless_interrupted(async |session| measure(args, session).await)
            .await?;
        // Interrupted by itself: it leaves nothing behind in the database.
        run.machine =
            Yardsticks::measure(&session.target.directory, session.target.postgres()).await?;
        runs.push(run);
    }
    let fastest = |a: &(usize, &ThroughputRun), b: &(usize, &ThroughputRun)| {
        a.1.tasks_per_second.total_cmp(&b.1.tasks_per_second)
    };
    let best = runs.iter().enumerate().max_by(fastest);
    Ok(ThroughputReport {
        shape: args.shape,
        setting: Setting::new(
            args.session.agents,
            session.target.store.describe().await?,
            history,
        ),
        connections: args.connections,
        in_flight: args.in_flight,
        best: best.map_or(0, |(index, _)| index),
        runs,
    })
}

/// Ends what an earlier benchmark left open, and sees to it that there is a history. Gives its length.
async fn prepare(args: &ThroughputArgs, session: &mut Work<'_>) -> Result<u64, BenchError> {
    load::drain(session.cluster).await?;
    let stored = session.target.store.count_succeeded().await?;
    let missing = args.history.saturating_sub(stored);
    if missing == 0 {
        return Ok(stored);
    }
    eprintln!("{stored} finished tasks are stored; running {missing} more first");
    let began = Instant::now();
    let load = args.load(Shape::Batch, Until::Tasks(missing));
    load.run(session.cluster).await?;
    load::drain(session.cluster).await?;
    eprintln!("done in {:.0} s", began.elapsed().as_secs_f64());
    session
        .target
        .store
        .count_succeeded()
        .await
        .map_err(BenchError::from)
}

async fn measure(
    args: &ThroughputArgs,
    session: &mut Work<'_>,
) -> Result<ThroughputRun, BenchError> {
    let groups = session.groups();
    let before = session.target.store.count_succeeded().await?;
    let cpu_before = Snapshot::take(&groups)?;
    let began = tokio::time::Instant::now();
    let load = args.load(args.shape, Until::Time(began + args.duration));
    let tally = load.run(session.cluster).await?;
    load::drain(session.cluster).await?;
    let seconds = began.elapsed().as_secs_f64();
    let cpu = cpu_before.until(&Snapshot::take(&groups)?);
    let stored = session.target.store.count_succeeded().await? - before;
    if stored != tally.tasks {
        return Err(BenchError::Miscounted {
            acknowledged: tally.tasks,
            stored,
        });
    }
    let per_task = |micros: u64| micros as f64 / tally.tasks.max(1) as f64;
    let used_seconds = cpu.values().sum::<u64>() as f64 / 1e6;
    Ok(ThroughputRun {
        tasks_per_second: tally.tasks as f64 / seconds,
        tasks: tally.tasks,
        seconds,
        submit: Quantiles::of(&tally.submit_micros),
        repeated_calls: tally.repeated,
        cpu_micros_per_task: cpu
            .into_iter()
            .map(|(name, micros)| (name, per_task(micros)))
            .collect::<BTreeMap<_, _>>(),
        cpu_share: used_seconds / (seconds * report::cores() as f64),
        machine: Yardsticks::default(),
    })
}
