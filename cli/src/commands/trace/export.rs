//! `drover trace export`

use std::process::ExitCode;

use drover_model::Timestamp;
use drover_proto::{time, v1::ExportHistoryRequest};

use crate::{
    client::Client,
    command_line::Global,
    error::CliError,
    file::{Deadline, parse_deadline},
    history, output,
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  drover trace export --since 24h > my-history.jsonl\n  \
        drover trace export --since 2030-01-31T00:00:00Z --until 1h --queue nightly > nightly.jsonl"
)]
pub(crate) struct Args {
    /// Jobs submitted from then on: so long ago (24h, 7d), or a time (2030-01-31T18:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = parse_deadline)]
    since: Deadline,
    /// And before then [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_deadline)]
    until: Option<Deadline>,
    /// Only jobs of this queue
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    queue: String,
    /// Only jobs of this namespace
    #[arg(long, default_value = "default")]
    namespace: String,
}

impl Args {
    fn into_request(self, now_ms: i64) -> ExportHistoryRequest {
        ExportHistoryRequest {
            namespace: self.namespace,
            queue: self.queue,
            from_time: Some(time::from_model(moment(&self.since, now_ms))),
            until_time: self
                .until
                .map(|until| time::from_model(moment(&until, now_ms))),
        }
    }
}

/// A span is as long ago.
fn moment(said: &Deadline, now_ms: i64) -> Timestamp {
    Timestamp(match said {
        Deadline::At(at) => at.as_millisecond(),
        Deadline::After(age) => {
            let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
            now_ms.saturating_sub(age_ms).max(0)
        }
    })
}

pub(crate) async fn run(args: Args, global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let request = args.into_request(output::now_ms());
    history::export(&client, request, |line| {
        let text = serde_json::to_string(&line)
            .map_err(|error| CliError::io("cannot write JSON")(error.into()))?;
        output::print(&(text + "\n"))
    })
    .await?;
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

    fn seconds(words: &[&str]) -> Option<(i64, Option<i64>)> {
        let line = Line::try_parse_from(["export"].iter().chain(words)).ok()?;
        let request = line.args.into_request(1_000_000);
        let until = request.until_time.map(|until| until.seconds);
        Some((request.from_time?.seconds, until))
    }

    #[test]
    fn times_are_ages_or_points() {
        assert_eq!(seconds(&["--since", "10m"]), Some((400, None)));
        assert_eq!(
            seconds(&["--since", "1970-01-01T00:00:07Z", "--until", "1m"]),
            Some((7, Some(940)))
        );
        assert_eq!(seconds(&["--since", "99d"]), Some((0, None)));
        assert_eq!(seconds(&[]), None, "from when is required");
        assert_eq!(seconds(&["--since", "yesterday"]), None);
    }
}
