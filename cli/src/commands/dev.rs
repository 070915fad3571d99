//! `drover dev`: everything in one process.

use std::{ffi::OsStr, net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::Parser;
use drover_agent::{AgentError, GuardCommand};
use drover_coordinator::{Coordinator, Handle};
use drover_model::{Weights, dispatch::Mode, policy};
use drover_proto::v1::{Job, JobSpec};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{signals::Signals, submit::read_all, wait::worst_outcome};
use crate::{
    client::{Address, Client},
    error::CliError,
    progress,
};

/// Small tasks of small jobs must fit, also on a host with one core.
const LEAST_CPU_MILLIS: u64 = 2_000;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  drover dev                             serve until Ctrl-C\n  \
        drover dev examples/pipeline.yaml      run a job, then go on serving\n  \
        drover dev examples/pipeline.yaml --exit\n\n\
        The agents stand for separate hosts: each offers all cores and memory of this machine.\n\
        `drover node set local-1 --class edge --latency 20ms` makes one of them another kind of host.\n\
        Jobs that an earlier run left open in --data go on.\n\
        With --exit the exit code is the outcome: 0 succeeded, 1 failed or rolled back, 4 cancelled, 5 timed out."
)]
pub(crate) struct Args {
    /// Job files to submit, YAML or JSON; - is the standard input
    #[arg(value_name = "FILE")]
    files: Vec<String>,
    /// Directory of the record
    #[arg(long, value_name = "DIR", default_value = ".drover")]
    data: PathBuf,
    /// Number of local agents
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    agents: u32,
    /// Address to serve on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7700")]
    listen: SocketAddr,
    /// Order in which waiting tasks start (`drover policy list`)
    #[arg(long, value_name = "NAME", default_value = "edf")]
    policy: String,
    /// What happens when the first in order fits nowhere: easy, strict or greedy
    #[arg(long, value_name = "MODE", default_value = "easy")]
    dispatch: Mode,
    /// How much each term counts when a node is chosen (`drover coordinator --help`)
    #[arg(long, value_name = "TERM=WEIGHT,...", default_value_t = Weights::default())]
    score_weights: Weights,
    /// End when the jobs of the files have ended
    #[arg(long, requires = "files")]
    exit: bool,
    /// Run stress loads as simulated ones, which only take time
    #[arg(long)]
    simulate: bool,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let jobs = read_all(&args.files)?;
    let mut signals = Signals::listen()?;
    let coordinator = start_coordinator(&args).await?;
    let url = format!("http://{}", coordinator.address());
    let shutdown = CancellationToken::new();
    let agents = start_agents(&args, &url, &shutdown)?;
    greet(&url, &args);
    let outcome = tokio::select! {
        outcome = serve(&url, jobs, args.exit) => outcome,
        () = signals.asked_to_end() => Ok(None),
    };
    if outcome.as_ref().is_ok_and(Option::is_none) {
        eprintln!(
            "Ending; open jobs go on at the next start with --data {}",
            args.data.display()
        );
    }
    signals.then_at_once();
    shutdown.cancel();
    let agents = join(agents).await;
    coordinator.shutdown().await?;
    let outcome = outcome?;
    agents?;
    Ok(outcome.map_or(ExitCode::SUCCESS, |jobs| worst_outcome(&jobs)))
}

/// Submits and follows the jobs; then ends, or goes on for ever.
async fn serve(url: &str, jobs: Vec<JobSpec>, exit: bool) -> Result<Option<Vec<Job>>, CliError> {
    if !jobs.is_empty() {
        let client = Client::connect(&Address::one(url)).await?;
        let ids = client.submit(jobs, None).await?;
        let ended = progress::follow(&client, &ids).await?;
        if exit {
            return Ok(Some(ended));
        }
        eprintln!("Still serving on {url}; Ctrl-C ends.");
    }
    std::future::pending().await
}

async fn start_coordinator(args: &Args) -> Result<Handle, CliError> {
    std::fs::create_dir_all(&args.data).map_err(CliError::io(format!(
        "cannot make the directory {}",
        args.data.display()
    )))?;
    let record = args.data.join("drover.db");
    let mut options =
        drover_coordinator::Options::new(args.listen, format!("sqlite:{}", record.display()));
    options.policy = policy::find(&args.policy)
        .map_err(|error| CliError::Usage(format!("--policy: {error}")))?;
    options.dispatch = args.dispatch;
    options.weights = args.score_weights;
    let mut coordinator = Coordinator::start(options).await?;
    // An earlier run that was killed may hold the lease for a moment.
    coordinator.leading().await?;
    Ok(coordinator)
}

/// The flags of an agent, to find out what this host offers in the way that agents do.
#[derive(Parser)]
struct AgentFlags {
    #[command(flatten)]
    args: drover_agent::Args,
}

fn start_agents(
    args: &Args,
    url: &str,
    shutdown: &CancellationToken,
) -> Result<JoinSet<Result<(), AgentError>>, CliError> {
    let state = args.data.join("agents");
    let flags = [
        "agent",
        "--coordinator",
        url,
        "--name",
        "local",
        "--advertise",
        "127.0.0.1",
        "--state-dir",
    ]
    .map(OsStr::new);
    let flags = AgentFlags::parse_from(flags.into_iter().chain([state.as_os_str()]));
    let mut options = flags.args.into_options(GuardCommand::of_this_program()?)?;
    options.simulate = args.simulate;
    options.capacity.cpu_millis = options.capacity.cpu_millis.max(LEAST_CPU_MILLIS);
    let mut agents = JoinSet::new();
    for number in 1..=args.agents {
        options.name = format!("local-{number}");
        options.state_dir = state.join(&options.name);
        agents.spawn(drover_agent::run(options.clone(), shutdown.clone()));
    }
    Ok(agents)
}

async fn join(mut agents: JoinSet<Result<(), AgentError>>) -> Result<(), AgentError> {
    let mut outcome = Ok(());
    while let Some(ended) = agents.join_next().await {
        outcome = outcome
            .and(ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())));
    }
    outcome
}

fn greet(url: &str, args: &Args) {
    let agents = match args.agents {
        1 => "1 local agent, which offers".to_owned(),
        number => format!("{number} local agents, which stand for separate hosts: each offers"),
    };
    eprintln!("Drover serves on {url} with {agents} this whole machine.");
    if url != "http://127.0.0.1:7700" {
        eprintln!("Other commands reach it with --address {url}");
    }
}
