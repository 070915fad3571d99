//! `drover dead-letter show`

use std::process::ExitCode;

use drover_proto::v1::DeadLetter;

use crate::{
    client::Client,
    command_line::Global,
    commands::job::show,
    error::CliError,
    output::{self, Format},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Id of the dead job
    id: String,
}

pub(crate) async fn run(args: Args, global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let letter = client.dead_letter(args.id).await?;
    match global.output {
        Format::Json => output::print_json(&letter)?,
        Format::Text => output::print(&text(&letter))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn text(letter: &DeadLetter) -> String {
    let job = letter.job.clone().unwrap_or_default();
    let mut text = show::text(&job, false);
    text += &format!("\nDead because {}\n", output::printable(&letter.reason));
    if !letter.last_log.is_empty() {
        text += &format!(
            "\nThe end of what task {} wrote\n",
            output::printable(&letter.task)
        );
        for line in String::from_utf8_lossy(&letter.last_log).lines() {
            text += &format!("  {}\n", output::printable(line));
        }
    }
    text += &format!("\nSubmit it again: drover dead-letter replay {}\n", job.id);
    text
}

#[cfg(test)]
mod tests {
    use drover_proto::v1::Job;

    use super::*;

    #[test]
    fn a_letter_shows_what_was_written_last() {
        let letter = DeadLetter {
            job: Some(Job {
                id: "id".to_owned(),
                ..Job::default()
            }),
            reason: "task `a` failed: exited with code 3".to_owned(),
            task: "a".to_owned(),
            last_log: "one\ntwo\u{1b}[2J\n".into(),
        };
        let shown = text(&letter);
        assert!(
            shown.ends_with(
                "\nDead because task `a` failed: exited with code 3\n\nThe end of what task a wrote\n  one\n  \
                 two\u{fffd}[2J\n\nSubmit it again: drover dead-letter replay id\n"
            ),
            "{shown}"
        );
        let silent = text(&DeadLetter {
            last_log: bytes::Bytes::new(),
            ..letter
        });
        assert!(!silent.contains("wrote"), "{silent}");
    }
}
