//! `drover queue set`

use std::{process::ExitCode, time::Duration};

use clap::builder::NonEmptyStringValueParser;
use drover_proto::v1::{OnDisconnect, Queue, QueueDefaults, RetryRule};

use super::list;
use crate::{
    client::Client,
    command_line::Global,
    error::CliError,
    file,
    output::{self, Format},
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Replaces all settings of the queue: what is not given is not set. They apply to jobs submitted from then\n\
        on, to every task that says nothing itself. Undo steps have rules of their own.\n\n\
        Examples:\n  drover queue set night --retries 5 --backoff 10s --timeout 2h\n  \
        drover queue set payments --retries none   # never started twice, whatever fails"
)]
pub(crate) struct Args {
    /// Name of the queue
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    name: String,
    /// Namespace of the queue
    #[arg(long, default_value = "default")]
    namespace: String,
    /// Attempts after the first that failed; none: a single attempt, even if its node is lost [default: 0]
    #[arg(long, value_name = "NUMBER", value_parser = file::parse_retries, allow_hyphen_values = true)]
    retries: Option<RetryRule>,
    /// Longest wait before the first retry; each further one may be twice as long [default: 1s]
    #[arg(long, value_name = "DURATION", value_parser = file::parse_span, requires = "retries")]
    backoff: Option<Duration>,
    /// How often a task may lose its node before it fails [default: 3]
    #[arg(long, value_name = "NUMBER", requires = "retries", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    max_lost: Option<u32>,
    /// Limit of the run time of one attempt [default: none]
    #[arg(long, value_name = "DURATION", value_parser = file::parse_span)]
    timeout: Option<Duration>,
    /// How long a task may wait for a node [default: for ever]
    #[arg(long, value_name = "DURATION", value_parser = file::parse_span)]
    start_timeout: Option<Duration>,
    /// Time from SIGTERM to SIGKILL, at most 1h [default: 5s]
    #[arg(long, value_name = "DURATION", value_parser = file::parse_span)]
    grace: Option<Duration>,
    /// What happens to tasks of a host that is cut off for long: keep them running, or stop them [default: keep]
    #[arg(long, value_name = "RULE", value_parser = file::parse_on_disconnect)]
    on_disconnect: Option<OnDisconnect>,
    /// Whether its urgent jobs (priority 100) may stop preemptible tasks of lower priority, of any queue
    #[arg(long, value_name = "on|off", value_parser = parse_switch, action = clap::ArgAction::Set, default_value = "off")]
    preemption: bool,
}

fn parse_switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("must be on or off".to_owned()),
    }
}

impl Args {
    fn into_queue(self) -> Queue {
        let retry = self.retries.map(|rule| RetryRule {
            backoff: self.backoff.map(Into::into),
            max_lost: self.max_lost.unwrap_or(0),
            ..rule
        });
        Queue {
            namespace: self.namespace,
            name: self.name,
            defaults: Some(QueueDefaults {
                retry,
                timeout: self.timeout.map(Into::into),
                start_timeout: self.start_timeout.map(Into::into),
                grace: self.grace.map(Into::into),
                on_disconnect: self.on_disconnect.unwrap_or_default().into(),
                preemption: self.preemption,
            }),
        }
    }
}

pub(crate) async fn run(args: Args, global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let queue = client.set_queue(args.into_queue()).await?;
    match global.output {
        Format::Json => output::print_json(&queue)?,
        Format::Text => output::print(&list::table(&[queue]))?,
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn queue(flags: &[&str]) -> Result<Queue, clap::Error> {
        let words = ["set", "night"].iter().chain(flags);
        Line::try_parse_from(words).map(|line| line.args.into_queue())
    }

    #[test]
    fn a_queue_has_a_name() {
        let unset = Line::try_parse_from(["set", "", "--retries", "1"]);
        assert!(unset.is_err(), "an unset variable is no queue");
    }

    #[test]
    fn flags_become_settings() {
        let flags = "--retries 5 --backoff 10s --max-lost 7 --timeout 2h --start-timeout 1m --grace 0s --on-disconnect stop \
            --preemption on";
        let flags: Vec<&str> = flags.split_whitespace().collect();
        let queue = queue(&flags).expect("good flags");
        let settings = queue.defaults.expect("settings");
        let seconds = |seconds| Some(pbjson_types::Duration { seconds, nanos: 0 });
        let retry = settings.retry.as_ref().expect("a rule");
        assert_eq!(
            (retry.retries, retry.backoff, retry.max_lost),
            (5, seconds(10), 7)
        );
        assert_eq!(
            (settings.timeout, settings.start_timeout, settings.grace),
            (seconds(7_200), seconds(60), seconds(0))
        );
        assert_eq!(settings.on_disconnect(), OnDisconnect::Stop);
        assert!(settings.preemption);
    }

    #[test]
    fn what_is_not_given_is_not_set() {
        let queue = queue(&[]).expect("good flags");
        assert_eq!(queue.defaults, Some(QueueDefaults::default()));
    }

    #[test]
    fn none_is_none() {
        let queue = queue(&["--retries", "none"]).expect("good flags");
        let retry = queue.defaults.expect("settings").retry.expect("a rule");
        assert!(retry.never);
    }

    #[test]
    fn wrong_numbers_are_refused() {
        for flags in [
            &["--retries", "-1"][..],
            &["--retries", "many"],
            &["--backoff", "1s"],
            &["--retries", "1", "--max-lost", "0"],
            &["--grace", "5"],
            &["--on-disconnect", "pause"],
            &["--preemption", "yes"],
        ] {
            assert!(queue(flags).is_err(), "{flags:?}");
        }
    }
}
