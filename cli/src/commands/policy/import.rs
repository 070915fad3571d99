//! `drover policy import`

use std::{path::PathBuf, process::ExitCode};

use drover_proto::v1::{ImportPolicyRequest, PolicyOrigin};

use super::show;
use crate::{
    client::Client,
    command_line::Global,
    error::CliError,
    output::{self, Format},
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Stores the weights and changes nothing else; `drover policy promote` uses them.\n\n\
        Example:\n  drover policy import learned.safetensors --version learned-7 --seed 7 --note \"two weeks of traces\""
)]
pub(crate) struct Args {
    /// Weights as drover-learner writes them
    file: PathBuf,
    /// Its name from now on: 1 to 17 letters, digits, `.`, `_`, `-` [default: the one in the file]
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    version: String,
    /// The command that trained it
    #[arg(
        long,
        value_name = "WORDS",
        default_value = "",
        hide_default_value = true
    )]
    command: String,
    /// Of its training
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// The version that training began with
    #[arg(
        long,
        value_name = "VERSION",
        default_value = "",
        hide_default_value = true
    )]
    parent: String,
    /// How it was evaluated: a file of JSON
    #[arg(long, value_name = "FILE")]
    evaluation: Option<PathBuf>,
    /// Anything else, for people
    #[arg(
        long,
        value_name = "WORDS",
        default_value = "",
        hide_default_value = true
    )]
    note: String,
}

impl Args {
    fn into_request(self) -> Result<ImportPolicyRequest, CliError> {
        let cannot_read = |path: &PathBuf| CliError::io(format!("cannot read {}", path.display()));
        let weights = std::fs::read(&self.file).map_err(cannot_read(&self.file))?;
        let evaluation = match &self.evaluation {
            None => String::new(),
            Some(path) => std::fs::read_to_string(path).map_err(cannot_read(path))?,
        };
        Ok(ImportPolicyRequest {
            weights: weights.into(),
            version: self.version,
            origin: Some(PolicyOrigin {
                command: self.command,
                seed: self.seed,
                parent: self.parent,
                evaluation,
                note: self.note,
            }),
        })
    }
}

pub(crate) async fn run(args: Args, global: &Global) -> Result<ExitCode, CliError> {
    let request = args.into_request()?;
    let client = Client::connect(&global.address).await?;
    let version = client.import_policy(request).await?;
    match global.output {
        Format::Json => output::print_json(&version)?,
        Format::Text => output::print(&show::text(&version))?,
    }
    Ok(ExitCode::SUCCESS)
}
