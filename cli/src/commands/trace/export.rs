//! `drover trace export`

use std::process::ExitCode;

use drover_proto::{time, v1::ExportHistoryRequest};

use super::moment::Moment;
use crate::{client::Client, command_line::Global, error::CliError, history, output};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  drover trace export --since 24h > my-history.jsonl\n  \
        drover trace export --since 2030-01-31T00:00:00Z --until 1h --queue nightly > nightly.jsonl"
)]
pub(crate) struct Args {
    /// Jobs submitted from then on: so long ago (24h, 7d), or a time (2030-01-31T18:00:00Z)
    #[arg(long, value_name = "TIME")]
    since: Moment,
    /// And before then [default: now]
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
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
            from_time: Some(time::from_model(self.since.before(now_ms))),
            until_time: self
                .until
                .map(|until| time::from_model(until.before(now_ms))),
        }
    }
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
