//! `drover policy ...`

use std::process::ExitCode;

use clap::Subcommand;

use crate::{
    client::Client,
    command_line::Global,
    error::CliError,
    output::{self, Format},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the policies, and say which one is in use
    List,
}

impl Command {
    pub(crate) async fn run(self, global: &Global) -> Result<ExitCode, CliError> {
        match self {
            Self::List => list(global).await,
        }
    }
}

async fn list(global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let answer = client.policies().await?;
    if global.output == Format::Json {
        output::print_json(&answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<[String; 3]> = answer
        .policies
        .into_iter()
        .map(|policy| {
            let mark = if policy.name == answer.active {
                "*"
            } else {
                ""
            };
            [mark.to_owned(), policy.name, policy.description]
        })
        .collect();
    let table = output::table(["", "POLICY", "RANKS BY"], &rows);
    output::print(&format!(
        "{table}\nDispatch mode: {}\nScore weights: {}\n",
        answer.dispatch_mode, answer.score_weights
    ))?;
    Ok(ExitCode::SUCCESS)
}
