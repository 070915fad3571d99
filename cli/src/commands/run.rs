//! `drover run -- CMD`

use std::{collections::BTreeMap, io::IsTerminal as _, process::ExitCode, time::Duration};

use drover_proto::v1::{
    AttemptState, Command, Job, JobSpec, JobState, OnDisconnect, Resources, RetryRule, TaskSpec,
    task_spec::Run,
};

use super::{job::logs, submit::Overrides};
use crate::{
    client::Client,
    command_line::Global,
    error::{CliError, outcome_code},
    file,
    output::{self, Format},
    progress,
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  drover run -- ls -l /\n  drover run --cpu 2 --memory 1Gi --timeout 10m -- make test\n  \
        drover run --detach -- ./long-job\n\n\
        Waits, shows the output, and ends with the exit code of the command."
)]
pub(crate) struct Args {
    /// Name of the job [default: the program]
    #[arg(long)]
    name: Option<String>,
    /// Cores that it needs: 2, 0.5 or 500m [default: 1]
    #[arg(long, value_name = "CORES", value_parser = file::parse_cores)]
    cpu: Option<u64>,
    /// Memory that it needs: 256Mi, 1G
    #[arg(long, value_name = "BYTES", value_parser = file::parse_bytes)]
    memory: Option<u64>,
    /// GPUs that it needs
    #[arg(long, default_value_t = 0)]
    gpu: u32,
    /// Disk space that it needs: 10Gi
    #[arg(long, value_name = "BYTES", value_parser = file::parse_bytes)]
    disk: Option<u64>,
    /// Limit of the run time of one attempt: 30s, 10m
    #[arg(long, value_name = "DURATION", value_parser = file::parse_span)]
    timeout: Option<Duration>,
    /// Attempts after the first that failed; none: a single attempt, even if its node is lost [default: 0]
    #[arg(long, value_name = "NUMBER", value_parser = file::parse_retries, allow_hyphen_values = true)]
    retries: Option<RetryRule>,
    /// Time from SIGTERM to SIGKILL when the command has to stop [default: 5s]
    #[arg(long, value_name = "DURATION", value_parser = file::parse_span)]
    grace: Option<Duration>,
    /// What happens to the command when its host is cut off for long: keep it running, or stop it [default: keep]
    #[arg(long, value_name = "RULE", value_parser = file::parse_on_disconnect)]
    on_disconnect: Option<OnDisconnect>,
    /// Variable for the command; may be given several times
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// Working directory of the command [default: that of the agent]
    #[arg(long, value_name = "DIR")]
    cwd: Option<String>,
    /// Take the command as a script for /bin/sh
    #[arg(long)]
    shell: bool,
    /// Print the job's id and do not wait
    #[arg(long)]
    detach: bool,
    #[command(flatten)]
    overrides: Overrides,
    /// Program and arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<String>,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

pub(crate) async fn run(args: Args, global: &Global) -> Result<ExitCode, CliError> {
    let detach = args.detach;
    let spec = spec(args);
    let client = Client::connect(&global.address).await?;
    let ids = client.submit(vec![spec], None).await?;
    let id = ids.first().expect("one job gives one id");
    if detach {
        output::print(&format!("{id}\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    if std::io::stderr().is_terminal() {
        eprintln!("submitted {id}");
    }
    logs::follow_all(&client, id).await?;
    let job = progress::follow_quietly(&client, id).await?;
    if global.output == Format::Json {
        output::print_json(&job)?;
    }
    if job.state() != JobState::Succeeded {
        eprintln!("{}", progress::summary(&job));
    }
    Ok(exit_code(&job))
}

fn spec(args: Args) -> JobSpec {
    let name = args
        .name
        .unwrap_or_else(|| name_of(&args.command[0], args.shell));
    let command = Command {
        argv: args.command.into_iter().map(Into::into).collect(),
        shell: args.shell,
        env: args
            .env
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect::<BTreeMap<_, _>>(),
        cwd: args.cwd.unwrap_or_default().into(),
    };
    let task = TaskSpec {
        name: "run".to_owned(),
        run: Some(Run::Command(command)),
        resources: Some(Resources {
            cpu_millis: args.cpu.unwrap_or(0),
            memory_bytes: args.memory.unwrap_or(0),
            gpus: args.gpu,
            disk_bytes: args.disk.unwrap_or(0),
            ..Resources::default()
        }),
        retry: args.retries,
        timeout: args.timeout.map(Into::into),
        grace: args.grace.map(Into::into),
        on_disconnect: args.on_disconnect.unwrap_or_default().into(),
        ..TaskSpec::default()
    };
    let mut job = JobSpec {
        name,
        tasks: vec![task],
        ..JobSpec::default()
    };
    args.overrides.apply(&mut job);
    job
}

/// That of the program, or of the first that a script names.
fn name_of(command: &str, shell: bool) -> String {
    let mut words = command.split_whitespace();
    let program = if shell {
        words.next().unwrap_or_default()
    } else {
        command
    };
    let name = program.rsplit('/').next().unwrap_or_default();
    name.chars().take(200).collect()
}

/// That of the process, if it ended by itself with one that a process can have; else the job's outcome.
fn exit_code(job: &Job) -> ExitCode {
    let last = job.tasks.first().and_then(|task| task.attempts.last());
    last.filter(|attempt| {
        matches!(
            attempt.state(),
            AttemptState::Succeeded | AttemptState::Failed
        )
    })
    .and_then(|attempt| attempt.exit_code)
    .and_then(|code| u8::try_from(code).ok())
    .map_or_else(|| outcome_code(job.state()), ExitCode::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_named_for_its_program() {
        assert_eq!(name_of("/usr/bin/make", false), "make");
        assert_eq!(name_of("my program", false), "my program");
        assert_eq!(name_of("./build.sh < /tmp/in; exit 3", true), "build.sh");
    }
}
