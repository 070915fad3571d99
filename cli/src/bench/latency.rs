//! `drover bench latency`

use std::{
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use drover_proto::{
    time::parse_duration,
    v1::{
        Command, GetJobRequest, JobSpec, SubmitRequest, TaskSpec,
        job_service_client::JobServiceClient, task_spec,
    },
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::{task::JoinSet, time::Instant};
use tonic::transport::Channel;

use super::{
    error::BenchError,
    load::{self, NAMESPACE},
    machine::Yardsticks,
    report::{LatencyReport, Quantiles, Setting},
    session::{Session, SessionArgs, Work},
};
use crate::{
    error::CliError,
    output::{self, Format},
};

/// Calls without an answer at one time.
const MAX_WAITING: usize = 4_096;
const READ_AT_ONCE: usize = 16;
/// Start times are recorded in whole milliseconds, rounded down.
const RESOLUTION_MICROS: i64 = 1_000;

#[derive(Debug, clap::Args)]
pub(crate) struct LatencyArgs {
    #[command(flatten)]
    session: SessionArgs,
    /// Jobs submitted per second, at fixed times, however long the answers take
    #[arg(long, value_name = "NUMBER", default_value_t = 200.0, value_parser = positive)]
    rate: f64,
    /// How long jobs are submitted
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    duration: Duration,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.001..=100_000.0).contains(&rate) => Ok(rate),
        _ => Err(format!(
            "`{text}` is not a number of jobs per second from 0.001 to 100000"
        )),
    }
}

pub(crate) async fn run(args: LatencyArgs, format: Format) -> Result<ExitCode, CliError> {
    let mut session = Session::open(&args.session).await?;
    let outcome = report(&args, &mut session).await;
    session.close().await;
    outcome?.print(format)?;
    Ok(ExitCode::SUCCESS)
}

async fn report(args: &LatencyArgs, session: &mut Session) -> Result<LatencyReport, BenchError> {
    let history = session.target.store.count_succeeded().await?;
    let calls = session
        .unless_interrupted(async |work| measure(args, work).await)
        .await?;
    let machine = Yardsticks::measure(&session.target.directory, None).await?;
    let (mut start, mut submit) = (load::histogram(), load::histogram());
    for call in &calls {
        start.saturating_record(call.start_micros);
        submit.saturating_record(micros(call.answered_after));
    }
    let latest = calls
        .iter()
        .map(|call| call.late_by)
        .max()
        .unwrap_or_default();
    Ok(LatencyReport {
        setting: Setting::new(
            args.session.agents,
            session.target.store.describe().await?,
            history,
        ),
        rate: args.rate,
        tasks: calls.len() as u64,
        start: Quantiles::of(&start),
        submit: Quantiles::of(&submit),
        latest_call_ms: latest.as_secs_f64() * 1_000.0,
        fdatasync_per_second: machine.fdatasync_per_second,
    })
}

/// A call and what became of it.
struct Measured {
    /// From the call to the end of the millisecond in which the process started.
    start_micros: u64,
    answered_after: Duration,
    late_by: Duration,
}

/// A call that was answered.
struct Call {
    job_id: String,
    /// Wall clock, microseconds since 1970: the agent's record of the start is of the same clock.
    called_at_micros: i64,
    answered_after: Duration,
    late_by: Duration,
}

async fn measure(args: &LatencyArgs, work: &mut Work<'_>) -> Result<Vec<Measured>, BenchError> {
    load::drain(work.cluster).await?;
    let jobs = JobServiceClient::new(work.cluster.connect().await?);
    let before = work.target.store.count_succeeded().await?;
    let calls = submit_all(args, &jobs).await?;
    load::drain(work.cluster).await?;
    let stored = work.target.store.count_succeeded().await? - before;
    if stored != calls.len() as u64 {
        return Err(BenchError::Miscounted {
            acknowledged: calls.len() as u64,
            stored,
        });
    }
    stream::iter(calls)
        .map(|call| read_start(call, jobs.clone()))
        .buffer_unordered(READ_AT_ONCE)
        .try_collect()
        .await
}

/// Open loop: the time of each call is fixed beforehand, so that slow answers do not thin out the load.
async fn submit_all(
    args: &LatencyArgs,
    jobs: &JobServiceClient<Channel>,
) -> Result<Vec<Call>, BenchError> {
    let run = uuid::Uuid::now_v7().simple().to_string();
    let count = (args.duration.as_secs_f64() * args.rate).ceil() as u64;
    let began = Instant::now();
    let mut waiting = JoinSet::new();
    let mut calls = Vec::new();
    for number in 0..count {
        let due = began + Duration::from_secs_f64(number as f64 / args.rate);
        tokio::time::sleep_until(due).await;
        waiting.spawn(submit(jobs.clone(), format!("{run}-{number}"), due));
        while let Some(answered) = waiting.try_join_next() {
            calls.push(answered.expect("calls do not panic")?);
        }
        if waiting.len() > MAX_WAITING {
            return Err(BenchError::TooSlow { limit: MAX_WAITING });
        }
    }
    while let Some(answered) = waiting.join_next().await {
        calls.push(answered.expect("calls do not panic")?);
    }
    Ok(calls)
}

async fn submit(
    mut jobs: JobServiceClient<Channel>,
    request_id: String,
    due: Instant,
) -> Result<Call, BenchError> {
    let request = SubmitRequest {
        spec: Some(spec()),
        request_id,
    };
    let called_at_micros = wall_micros();
    let called = Instant::now();
    let answer = jobs
        .submit(request)
        .await
        .map_err(BenchError::refused("Submit"))?;
    Ok(Call {
        job_id: answer.into_inner().job_id,
        called_at_micros,
        answered_after: called.elapsed(),
        late_by: called - due,
    })
}

fn spec() -> JobSpec {
    let command = Command {
        argv: vec!["true".into()],
        ..Command::default()
    };
    let task = TaskSpec {
        name: "true".to_owned(),
        run: Some(task_spec::Run::Command(command)),
        ..TaskSpec::default()
    };
    JobSpec {
        name: "bench".to_owned(),
        namespace: NAMESPACE.to_owned(),
        tasks: vec![task],
        ..JobSpec::default()
    }
}

async fn read_start(
    call: Call,
    mut jobs: JobServiceClient<Channel>,
) -> Result<Measured, BenchError> {
    let request = GetJobRequest {
        job_id: call.job_id.clone(),
    };
    let job = jobs
        .get(request)
        .await
        .map_err(BenchError::refused("Get"))?
        .into_inner();
    let attempt = job.tasks.first().and_then(|task| task.attempts.first());
    let Some(started) = attempt.and_then(|attempt| attempt.start_time.as_ref()) else {
        return Err(BenchError::NeverStarted {
            job_id: call.job_id,
        });
    };
    let start = output::millis(started) * 1_000 + RESOLUTION_MICROS - call.called_at_micros;
    Ok(Measured {
        start_micros: u64::try_from(start).unwrap_or(0),
        answered_after: call.answered_after,
        late_by: call.late_by,
    })
}

fn wall_micros() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn micros(length: Duration) -> u64 {
    u64::try_from(length.as_micros()).unwrap_or(u64::MAX)
}
