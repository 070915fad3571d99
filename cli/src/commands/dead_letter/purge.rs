//! `drover dead-letter purge`

use std::{process::ExitCode, time::Duration};

use drover_proto::v1::PurgeDeadLettersRequest;

use crate::{
    client::Client,
    command_line::Global,
    error::CliError,
    file,
    output::{self, Format},
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  drover dead-letter purge 0192... 0193...\n  drover dead-letter purge --older-than 7d"
)]
pub(crate) struct Args {
    /// Ids of dead jobs
    #[arg(value_name = "ID", required_unless_present = "older_than")]
    ids: Vec<String>,
    /// All that ended longer ago than this: 12h, 7d
    #[arg(long, value_name = "DURATION", value_parser = file::parse_span, conflicts_with = "ids")]
    older_than: Option<Duration>,
    /// Only jobs of this namespace
    #[arg(long, default_value = "default")]
    namespace: String,
}

impl Args {
    fn into_request(self, now_ms: i64) -> PurgeDeadLettersRequest {
        PurgeDeadLettersRequest {
            namespace: self.namespace,
            job_ids: self.ids,
            ended_before_time: self.older_than.map(|age| {
                let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
                let before_ms = now_ms.saturating_sub(age_ms).max(0);
                drover_proto::time::from_model(drover_model::Timestamp(before_ms))
            }),
        }
    }
}

pub(crate) async fn run(args: Args, global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let answer = client.purge(args.into_request(output::now_ms())).await?;
    match global.output {
        Format::Json => output::print_json(&answer)?,
        Format::Text => output::print(&format!("{} purged\n", answer.purged))?,
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

    fn request(words: &[&str]) -> Option<PurgeDeadLettersRequest> {
        let line = Line::try_parse_from(["purge"].iter().chain(words)).ok()?;
        Some(line.args.into_request(100_000))
    }

    #[test]
    fn jobs_or_an_age_is_said() {
        let by_id = request(&["a", "b"]).expect("ids");
        assert_eq!(by_id.job_ids, ["a", "b"]);
        assert_eq!(by_id.ended_before_time, None);
        let by_age = request(&["--older-than", "1m"]).expect("an age");
        assert_eq!(by_age.ended_before_time.expect("a time").seconds, 40);
        let older = request(&["--older-than", "7d"]).expect("an age");
        assert_eq!(older.ended_before_time.expect("a time").seconds, 0);
        assert_eq!(request(&[]), None);
        assert_eq!(request(&["a", "--older-than", "1m"]), None);
    }
}
