//! `drover validate`

use std::process::ExitCode;

use crate::{
    error::CliError,
    file::{self, ReadError},
    output,
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  drover validate nightly.yaml\n  drover validate --schema > job.schema.json"
)]
pub(crate) struct Args {
    /// Job files, YAML or JSON; - is the standard input
    #[arg(value_name = "FILE", required_unless_present = "schema")]
    files: Vec<String>,
    /// Print the JSON Schema of job files
    #[arg(long, conflicts_with = "files")]
    schema: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, CliError> {
    if args.schema {
        output::print(&file::schema())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut problems = 0;
    for path in &args.files {
        match file::read(path) {
            Ok(jobs) => {
                let tasks: usize = jobs.iter().map(|job| job.tasks.len()).sum();
                output::print(&format!(
                    "{path}: {} with {}\n",
                    plural(jobs.len(), "job"),
                    plural(tasks, "task")
                ))?;
            }
            Err(error) => {
                problems += match &error {
                    ReadError::Wrong(wrong) => wrong.count(),
                    ReadError::Io { .. } => 1,
                };
                eprintln!("{error}\n");
            }
        }
    }
    if problems == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("error: {}", plural(problems, "problem"));
    Ok(ExitCode::FAILURE)
}

fn plural(count: usize, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{s}")
}
