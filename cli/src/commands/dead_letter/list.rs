//! `drover dead-letter list`

use std::process::ExitCode;

use drover_proto::v1::{DeadLetter, ListDeadLettersRequest, ListDeadLettersResponse};

use crate::{
    client::Client,
    command_line::Global,
    commands::pages::Extent,
    error::CliError,
    output::{self, Format},
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  drover dead-letter list\n  drover dead-letter list --queue nightly --all -o json"
)]
pub(crate) struct Args {
    /// Only jobs of this queue [default: any]
    #[arg(long, default_value_t, hide_default_value = true)]
    queue: String,
    /// Only jobs of this namespace
    #[arg(long, default_value = "default")]
    namespace: String,
    #[command(flatten)]
    extent: Extent,
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
    let request = ListDeadLettersRequest {
        namespace: args.namespace,
        queue: args.queue,
        ..ListDeadLettersRequest::default()
    };
    let page = async |page_size, page_token| {
        let request = ListDeadLettersRequest {
            page_size,
            page_token,
            ..request.clone()
        };
        let page = client.dead_letters(request).await?;
        Ok((page.dead_letters, page.next_page_token))
    };
    let (dead_letters, next_page_token) = args.extent.collect(page).await?;
    Ok(ListDeadLettersResponse {
        dead_letters,
        next_page_token,
    })
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
