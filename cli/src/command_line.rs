//! What can be typed, and who does it.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{
    bench,
    client::Address,
    commands::{
        agent, coordinator, dead_letter, dev, job, node, policy, queue, run, status, submit,
        validate,
    },
    error::CliError,
    logging,
    output::Format,
};

/// Runs DAGs of tasks on many hosts, and minds their deadlines.
#[derive(Debug, Parser)]
#[command(
    name = "drover",
    version,
    after_help = "Examples:\n  \
        drover dev examples/pipeline.yaml --exit    everything in one process, until the job ends\n  \
        drover submit nightly.yaml --wait           to a running coordinator\n  \
        drover run --cpu 2 -- make test             one command as a job\n  \
        drover job list --state failed\n\n\
        Exit codes: 0 done, 1 the job failed or was rolled back, or an error, 2 wrong usage,\n\
        3 no coordinator reached, 4 the job was cancelled, 5 the job timed out."
)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Flags of every command.
#[derive(Debug, clap::Args)]
pub(crate) struct Global {
    #[command(flatten)]
    pub(crate) address: Address,
    /// Form of the answer
    #[arg(short, long, value_enum, default_value_t, global = true)]
    pub(crate) output: Format,
    /// What to log, such as info or drover_agent=debug [default: RUST_LOG, else info for servers, warn for the rest]
    #[arg(long, value_name = "FILTER", global = true)]
    log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything in one process on this machine: coordinator, agents, and your jobs
    Dev(dev::Args),
    /// Serve the API, keep the record, and decide what runs where
    Coordinator(drover_coordinator::Args),
    /// Run tasks on this host
    Agent(drover_agent::Args),
    /// Submit the jobs of files
    Submit(submit::Args),
    /// Run one command as a job
    Run(run::Args),
    /// Look at jobs, follow and cancel them
    #[command(subcommand)]
    Job(job::Command),
    /// Look at the hosts
    #[command(subcommand)]
    Node(node::Command),
    /// Look at jobs that failed for good, submit them again, or put them aside
    #[command(subcommand)]
    DeadLetter(dead_letter::Command),
    /// Look at queues and set what they give to their tasks
    #[command(subcommand)]
    Queue(queue::Command),
    /// Look at what orders the queue
    #[command(subcommand)]
    Policy(policy::Command),
    /// Show who leads, what waits, and what has gone wrong
    Status,
    /// Check job files without submitting them
    Validate(validate::Args),
    /// Measure how fast it is, with processes of its own
    #[command(subcommand)]
    Bench(bench::Command),
    /// Started by agents: kills what they leave behind
    #[command(hide = true)]
    Guard,
}

impl Command {
    /// What is logged when nobody says.
    fn default_log(&self) -> &'static str {
        match self {
            Self::Coordinator(_) | Self::Agent(_) => "info",
            _ => "warn",
        }
    }
}

/// The whole program.
pub fn main() -> ExitCode {
    let CommandLine { global, command } = CommandLine::parse();
    if matches!(command, Command::Guard) {
        return drover_agent::guard::run();
    }
    let outcome = logging::start(global.log.as_deref(), command.default_log())
        .and_then(|()| runtime())
        .and_then(|runtime| runtime.block_on(Box::pin(perform(command, &global))));
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        error.exit_code()
    })
}

fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(CliError::io("cannot start the runtime"))
}

async fn perform(command: Command, global: &Global) -> Result<ExitCode, CliError> {
    match command {
        Command::Dev(args) => dev::run(args).await,
        Command::Coordinator(args) => coordinator::run(args).await,
        Command::Agent(args) => agent::run(args).await,
        Command::Submit(args) => submit::run(args, global).await,
        Command::Run(args) => run::run(args, global).await,
        Command::Job(command) => command.run(global).await,
        Command::Node(command) => command.run(global).await,
        Command::DeadLetter(command) => command.run(global).await,
        Command::Queue(command) => command.run(global).await,
        Command::Policy(command) => command.run(global).await,
        Command::Status => status::run(global).await,
        Command::Validate(args) => validate::run(&args),
        Command::Bench(command) => command.run(global.output).await,
        Command::Guard => unreachable!("handled before the runtime starts"),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn flags_fit_together() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn global_flags_work_after_the_verb() {
        let line = CommandLine::try_parse_from([
            "drover",
            "job",
            "list",
            "-o",
            "json",
            "--address",
            "http://h:1",
        ])
        .expect("valid flags");
        assert_eq!(line.global.output, Format::Json);
        assert_eq!(line.global.address.urls, ["http://h:1"]);
    }

    #[test]
    fn several_addresses_are_one_flag() {
        let line = CommandLine::try_parse_from(["drover", "status", "--address", "a:1,b:2"])
            .expect("valid flags");
        assert_eq!(line.global.address.urls, ["a:1", "b:2"]);
    }

    #[test]
    fn a_command_keeps_its_own_flags() {
        let line =
            CommandLine::try_parse_from(["drover", "run", "--cpu", "2", "--", "ls", "--cpu"]);
        assert!(line.is_ok(), "{line:?}");
        assert!(
            CommandLine::try_parse_from(["drover", "run"]).is_err(),
            "a command is needed"
        );
    }
}
