//! `drover queue list`

use std::{process::ExitCode, time::Duration};

use drover_proto::v1::{OnDisconnect, Queue, RetryRule};

use crate::{
    client::Client,
    command_line::Global,
    error::CliError,
    output::{self, Format},
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Queues without settings exist as soon as a job names them, and are not listed."
)]
pub(crate) struct Args {
    /// Only queues of this namespace
    #[arg(long, default_value = "default")]
    namespace: String,
}

pub(crate) async fn run(args: Args, global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let answer = client.queues(args.namespace).await?;
    match global.output {
        Format::Json => output::print_json(&answer)?,
        Format::Text => output::print(&table(&answer.queues))?,
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn table(queues: &[Queue]) -> String {
    let rows: Vec<[String; 7]> = queues.iter().map(row).collect();
    output::table(
        [
            "QUEUE",
            "RETRIES",
            "TIMEOUT",
            "START TIMEOUT",
            "GRACE",
            "ON DISCONNECT",
            "PREEMPTION",
        ],
        &rows,
    )
}

fn row(queue: &Queue) -> [String; 7] {
    let settings = queue.defaults.clone().unwrap_or_default();
    let on_disconnect = settings.on_disconnect();
    [
        output::or_default(&queue.name),
        settings.retry.as_ref().map_or_else(unset, retries),
        span(settings.timeout),
        span(settings.start_timeout),
        span(settings.grace),
        match on_disconnect {
            OnDisconnect::Unspecified => unset(),
            rule => output::on_disconnect(rule),
        },
        if settings.preemption {
            "on".to_owned()
        } else {
            unset()
        },
    ]
}

fn unset() -> String {
    "-".to_owned()
}

fn span(length: Option<pbjson_types::Duration>) -> String {
    let length = length.and_then(|length| Duration::try_from(length).ok());
    length.map_or_else(unset, output::duration)
}

/// `5, first after 2.0 s`.
fn retries(rule: &RetryRule) -> String {
    if rule.never {
        return "none".to_owned();
    }
    let mut text = rule.retries.to_string();
    if rule.backoff.is_some() {
        text += &format!(", first after {}", span(rule.backoff));
    }
    if rule.max_lost > 0 {
        text += &format!(", {} losses", rule.max_lost);
    }
    text
}

#[cfg(test)]
mod tests {
    use drover_proto::v1::QueueDefaults;

    use super::*;

    #[test]
    fn what_is_not_set_is_a_dash() {
        let queue = |name: &str, defaults| Queue {
            name: name.to_owned(),
            defaults: Some(defaults),
            ..Queue::default()
        };
        let seconds = |seconds| Some(pbjson_types::Duration { seconds, nanos: 0 });
        let rule = RetryRule {
            retries: 5,
            backoff: seconds(2),
            max_lost: 4,
            ..RetryRule::default()
        };
        let night = QueueDefaults {
            retry: Some(rule),
            timeout: seconds(60),
            on_disconnect: OnDisconnect::Stop.into(),
            preemption: true,
            ..QueueDefaults::default()
        };
        let day = QueueDefaults {
            retry: Some(RetryRule {
                never: true,
                ..RetryRule::default()
            }),
            ..QueueDefaults::default()
        };
        assert_eq!(
            table(&[queue("night", night), queue("day", day)]),
            "QUEUE  RETRIES                         TIMEOUT  START TIMEOUT  GRACE  ON DISCONNECT  PREEMPTION\n\
             night  5, first after 2.0 s, 4 losses  1 m 0 s  -              -      stop           on\n\
             day    none                            -        -              -      -              -\n"
        );
    }
}
