//! `drover dev`: everything in one process.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use drover_model::{Weights, dispatch::Mode, policy};
use drover_proto::v1::{Job, JobSpec};

use super::{signals::Signals, submit::read_all, wait::worst_outcome};
use crate::{
    client::{Address, Client},
    error::CliError,
    local::Local,
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
    /// Order in which waiting tasks start, until `drover policy use` says otherwise (`drover policy list`)
    #[arg(long, value_name = "NAME", default_value = "learned")]
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
    let mut local = Local::start(settings(&args)?).await?;
    start_agents(&args, &mut local)?;
    let url = local.url();
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
    let stopped = local.stop().await;
    let outcome = outcome?;
    stopped?;
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

fn settings(args: &Args) -> Result<drover_coordinator::Options, CliError> {
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
    Ok(options)
}

fn start_agents(args: &Args, local: &mut Local) -> Result<(), CliError> {
    let state = args.data.join("agents");
    let mut options = local.agent_options(&state)?;
    options.simulate = args.simulate;
    options.capacity.cpu_millis = options.capacity.cpu_millis.max(LEAST_CPU_MILLIS);
    for number in 1..=args.agents {
        options.name = format!("local-{number}");
        options.state_dir = state.join(&options.name);
        local.start_agent(options.clone());
    }
    Ok(())
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
