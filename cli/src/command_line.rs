//! What can be typed, and who does it.

use std::process::ExitCode;

use clap::{Arg, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

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
#[command(next_help_heading = "Flags of every command")]
pub(crate) struct Global {
    #[command(flatten)]
    pub(crate) address: Address,
    /// Form of the answer: for people, or the message of the API as JSON
    #[arg(
        short,
        long,
        value_name = "FORM",
        value_enum,
        default_value_t,
        global = true
    )]
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
    #[command(after_help = "Examples:\n  drover coordinator\n  \
            drover coordinator --store postgres://drover:PASSWORD@db/drover --listen 10.0.0.5:7700 --insecure-no-auth\n\n\
            Several coordinators on one PostgreSQL: one leads, the others stand by and take over when it is gone.")]
    Coordinator(drover_coordinator::Args),
    /// Run tasks on this host
    #[command(after_help = "Examples:\n  drover agent\n  \
            drover agent --coordinator http://10.0.0.5:7700,http://10.0.0.6:7700 --name host-7 --label zone=a")]
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
    /// Look at queues and set their defaults
    #[command(subcommand)]
    Queue(queue::Command),
    /// Look at the rules that order waiting tasks
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

/// What can be typed: a flag of every command that would say nothing to one is not shown there, and refused.
fn grammar() -> clap::Command {
    const NO_ADDRESS: [(&str, &str); 5] = [
        ("dev", "it starts a coordinator of its own, on --listen"),
        ("coordinator", "where it serves is said by --listen"),
        (
            "agent",
            "where its coordinators are is said by --coordinator",
        ),
        ("validate", "it asks no coordinator"),
        ("bench", "it starts coordinators of its own"),
    ];
    const NO_OUTPUT: [&str; 4] = ["dev", "coordinator", "agent", "validate"];
    let mut command = CommandLine::command();
    for (verb, reason) in NO_ADDRESS {
        let address = Arg::new("urls").long("address");
        command = refuse(command, verb, address, reason);
    }
    for verb in NO_OUTPUT {
        let output = Arg::new("output").long("output").short('o');
        command = refuse(command, verb, output, "it has no answer to give a form to");
    }
    command
}

fn refuse(
    command: clap::Command,
    verb: &'static str,
    flag: Arg,
    reason: &'static str,
) -> clap::Command {
    let refused = move |_: &str| Err::<String, _>(format!("not for `drover {verb}`: {reason}"));
    command.mut_subcommand(verb, |verb| verb.arg(flag.hide(true).value_parser(refused)))
}

/// The whole program.
pub fn main() -> ExitCode {
    let CommandLine { global, command } = CommandLine::from_arg_matches(&grammar().get_matches())
        .unwrap_or_else(|error| error.exit());
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
    use super::*;

    #[test]
    fn flags_fit_together() {
        grammar().debug_assert();
    }

    #[test]
    fn what_would_say_nothing_is_refused() {
        for (words, told) in [
            (["agent", "--address", "h:1"], "--coordinator"),
            (["coordinator", "--address", "h:1"], "--listen"),
            (["bench", "--address", "h:1"], "of its own"),
            (["validate", "-o", "json"], "no answer"),
        ] {
            let words = [&["drover"], &words[..]].concat();
            let refused = grammar().try_get_matches_from(words).expect_err(told);
            assert!(refused.to_string().contains(told), "{refused}");
        }
        let agent = grammar().try_get_matches_from(["drover", "agent", "--cpu", "2"]);
        let agent = agent.and_then(|matches| CommandLine::from_arg_matches(&matches));
        assert_eq!(agent.expect("valid flags").global.output, Format::Text);
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
