//! `drover dead-letter list`

use std::process::ExitCode;

use drover_proto::v1::{DeadLetter, ListDeadLettersRequest, ListDeadLettersResponse};

use crate::{
    client::Client,
    command_line::Global,
    error::CliError,
    output::{self, Format},
};

/// The largest page the coordinator gives.
const MAX_PAGE: u32 = 1_000;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  drover dead-letter list\n  drover dead-letter list --queue nightly --all -o json"
)]
pub(crate) struct Args {
    /// Only jobs of this queue
    #[arg(long, default_value_t)]
    queue: String,
    /// Only jobs of this namespace [default: default]
    #[arg(long, default_value_t)]
    namespace: String,
    /// At most so many
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Every dead letter
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

pub(crate) async fn run(args: Args, global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let found = collect(&client, args).await?;
    match global.output {
        Format::Json => output::print_json(&found)?,
        Format::Text => output::print(&text(&found.dead_letters))?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn collect(client: &Client, args: Args) -> Result<ListDeadLettersResponse, CliError> {
    let limit = if args.all {
        usize::MAX
    } else {
        args.limit as usize
    };
    let mut request = ListDeadLettersRequest {
        namespace: args.namespace,
        queue: args.queue,
        page_size: u32::try_from(limit).unwrap_or(MAX_PAGE).min(MAX_PAGE),
        page_token: String::new(),
    };
    let mut found = ListDeadLettersResponse::default();
    loop {
        let page = client.dead_letters(request.clone()).await?;
        found.dead_letters.extend(page.dead_letters);
        found.next_page_token = page.next_page_token;
        if found.next_page_token.is_empty() || found.dead_letters.len() >= limit {
            found.dead_letters.truncate(limit);
            return Ok(found);
        }
        request.page_token.clone_from(&found.next_page_token);
    }
}

fn text(letters: &[DeadLetter]) -> String {
    let rows: Vec<[String; 6]> = letters.iter().map(row).collect();
    output::table(["ID", "NAME", "STATE", "QUEUE", "ENDED", "REASON"], &rows)
}

fn row(letter: &DeadLetter) -> [String; 6] {
    let job = letter.job.clone().unwrap_or_default();
    let state = job.state();
    let spec = job.spec.unwrap_or_default();
    [
        job.id,
        output::printable(&spec.name),
        output::job_state(state),
        output::or_default(&spec.queue),
        output::time(job.end_time.as_ref()),
        output::printable(&letter.reason),
    ]
}

#[cfg(test)]
mod tests {
    use drover_proto::v1::{Job, JobSpec, JobState};

    use super::*;

    #[test]
    fn a_letter_says_why() {
        let letter = DeadLetter {
            job: Some(Job {
                id: "id".to_owned(),
                spec: Some(JobSpec {
                    name: "nightly".to_owned(),
                    ..JobSpec::default()
                }),
                state: JobState::RolledBack.into(),
                ..Job::default()
            }),
            reason: "task `a` failed".to_owned(),
            ..DeadLetter::default()
        };
        assert_eq!(
            text(&[letter]),
            "ID  NAME     STATE        QUEUE    ENDED  REASON\n\
             id  nightly  rolled back  default  -      task `a` failed\n"
        );
    }
}
