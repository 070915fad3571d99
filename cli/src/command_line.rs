//! What can be typed, and who does it.

use std::{ffi::OsString, process::ExitCode};

use clap::{
    Arg, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, error::ErrorKind,
    parser::ValueSource,
};

use crate::{
    bench,
    client::Address,
    commands::{
        agent, coordinator, dead_letter, dev, evaluate, job, node, policy, queue, run, simulate,
        status, submit, trace, validate,
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
    /// Look at what orders waiting tasks, use another policy, go back to the one before
    #[command(subcommand)]
    Policy(policy::Command),
    /// Show who leads, what waits, and what has gone wrong
    Status,
    /// Check job files without submitting them
    Validate(validate::Args),
    /// Run a policy on a made-up workload, a log or an exported history, in virtual time
    #[command(after_help = "Examples:\n  \
            drover simulate --workload bursty --policy saf\n  \
            drover simulate --policy fifo --generate-jobs 50 --n-max 4 --p-max 30 --seed 7 --output-dir artifacts\n  \
            drover simulate --trace my-history.jsonl --policy edf --nodes +2:class=gpu")]
    Simulate(Box<simulate::Args>),
    /// Compare policies on workloads and logs
    #[command(after_help = "Examples:\n  \
            drover evaluate --policies fifo,sjf,saf,edf,llf --workload bursty --load 0.9 --seeds 30\n  \
            drover evaluate --policies all --dispatch strict,easy,greedy --workload all --load 0.7,0.9,1.1 --baseline saf\n  \
            drover evaluate --policies fcfs,sjf,f1,saf --trace lublin_256.swf\n  \
            drover evaluate --policies fcfs,wfp3,unicep,sjf,f1 --trace lublin_256.swf --protocol rlscheduler")]
    Evaluate(Box<drover_sim::command::EvaluateArgs>),
    /// Write down what has happened, to learn from it
    #[command(subcommand)]
    Trace(trace::Command),
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

const NO_ANSWER: &str = "it has no answer to give a form to";

/// Verbs, with flags of every command that would say nothing to them, and why.
const NEEDLESS: [(&str, &str, &str); 12] = [
    (
        "dev",
        "address",
        "it starts a coordinator of its own, on --listen",
    ),
    ("dev", "output", NO_ANSWER),
    (
        "coordinator",
        "address",
        "where it serves is said by --listen",
    ),
    ("coordinator", "output", NO_ANSWER),
    (
        "agent",
        "address",
        "where its coordinators are is said by --coordinator",
    ),
    ("agent", "output", NO_ANSWER),
    ("validate", "address", "it asks no coordinator"),
    ("validate", "output", NO_ANSWER),
    (
        "simulate",
        "address",
        "where jobs are executed is said by --on",
    ),
    ("evaluate", "address", "it asks no coordinator"),
    ("trace", "output", "a history has one form, JSON lines"),
    ("bench", "address", "it starts coordinators of its own"),
];

/// What can be typed. A flag that would say nothing to a verb is not shown in its help.
fn grammar() -> clap::Command {
    NEEDLESS
        .into_iter()
        .fold(CommandLine::command(), |command, (verb, flag, _)| {
            let flag = flag_of_all(&command, flag).clone().hide(true);
            command.mut_subcommand(verb, |verb| verb.arg(flag))
        })
}

/// # Panics
/// When no flag of every command has this name.
fn flag_of_all<'a>(command: &'a clap::Command, name: &str) -> &'a Arg {
    let mut flags = command.get_arguments();
    let found = flags.find(|flag| flag.get_long() == Some(name));
    found.unwrap_or_else(|| panic!("no command takes --{name}"))
}

/// A flag that would say nothing to the verb is refused, wherever it stands.
fn parse(
    words: impl IntoIterator<Item: Into<OsString> + Clone>,
) -> clap::error::Result<CommandLine> {
    let mut grammar = grammar();
    let matches = grammar.try_get_matches_from_mut(words)?;
    for (verb, flag, reason) in NEEDLESS {
        let typed = matches.value_source(flag_of_all(&grammar, flag).get_id().as_str());
        if matches.subcommand_name() == Some(verb) && typed == Some(ValueSource::CommandLine) {
            let problem = format!("--{flag} is not for `drover {verb}`: {reason}");
            return Err(grammar.error(ErrorKind::ArgumentConflict, problem));
        }
    }
    CommandLine::from_arg_matches(&matches)
}

/// The whole program.
pub fn main() -> ExitCode {
    let CommandLine { global, command } =
        parse(std::env::args_os()).unwrap_or_else(|error| error.exit());
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
        Command::Simulate(args) => simulate::run(&args, global.output).await,
        Command::Evaluate(args) => evaluate::run(&args, global.output),
        Command::Trace(command) => command.run(global).await,
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

    fn typed(words: &[&[&str]]) -> clap::error::Result<CommandLine> {
        parse([&["drover"], &*words.concat()].concat())
    }

    #[test]
    fn what_would_say_nothing_is_refused_wherever_it_stands() {
        let address = ["--address", "h:1"];
        let output = ["-o", "json"];
        for (verb, flag, told) in [
            (&["agent"][..], &address, "--coordinator"),
            (&["coordinator"], &address, "--listen"),
            (&["dev"], &address, "--listen"),
            (&["bench", "queue"], &address, "of its own"),
            (&["validate", "x.yaml"], &address, "no coordinator"),
            (&["validate", "x.yaml"], &output, "no answer"),
            (&["agent"], &output, "no answer"),
        ] {
            assert!(typed(&[verb]).is_ok(), "{verb:?}");
            for words in [[verb, flag], [flag, verb]] {
                let refused = typed(&words).expect_err(told);
                assert!(refused.to_string().contains(told), "{words:?}: {refused}");
                assert_eq!(refused.exit_code(), 2);
            }
        }
    }

    #[test]
    fn flags_of_every_command_work_before_and_after_the_verb() {
        let flags = ["-o", "json", "--address", "http://h:1"];
        for words in [
            [&[][..], &["job"], &["list"], &flags],
            [&[], &["job"], &flags, &["list"]],
            [&flags, &["job"], &["list"], &[]],
        ] {
            let global = typed(&words).expect("valid flags").global;
            assert_eq!(global.output, Format::Json, "{words:?}");
            assert_eq!(global.address.urls, ["http://h:1"], "{words:?}");
        }
    }

    #[test]
    fn flags_that_say_nothing_are_not_shown() {
        let help = |verb: &str| typed(&[&[verb, "--help"]]).expect_err("help").to_string();
        assert!(help("status").contains("--address") && help("status").contains("--output"));
        assert!(!help("agent").contains("--address") && !help("agent").contains("--output"));
        assert!(help("bench").contains("--output") && !help("bench").contains("--address"));
    }

    #[test]
    fn several_addresses_are_one_flag() {
        let line = typed(&[&["status", "--address", "a:1,b:2"]]).expect("valid flags");
        assert_eq!(line.global.address.urls, ["a:1", "b:2"]);
    }

    #[test]
    fn a_command_keeps_its_own_flags() {
        let line = typed(&[&["run", "--cpu", "2", "--", "ls", "--cpu", "-o", "x"]]);
        assert!(line.is_ok(), "{line:?}");
        assert!(typed(&[&["run"]]).is_err(), "a command is needed");
    }
}
