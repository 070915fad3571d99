//! `drover policy export`

use std::{path::PathBuf, process::ExitCode};

use drover_proto::v1::ExportPolicyRequest;

use crate::{
    client::Client,
    command_line::Global,
    error::CliError,
    output::{self, Format},
};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  drover policy export learned-7 --to learned-7.safetensors")]
pub(crate) struct Args {
    /// A version that `drover policy list` shows
    version: String,
    /// Where to write the weights
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

pub(crate) async fn run(args: Args, global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let request = ExportPolicyRequest {
        version: args.version,
    };
    let answer = client.export_policy(request).await?;
    let path = args.to.display();
    std::fs::write(&args.to, &answer.weights)
        .map_err(CliError::io(format!("cannot write {path}")))?;
    let size = answer.weights.len();
    match global.output {
        Format::Json => output::print_json(&serde_json::json!({"bytes": size}))?,
        Format::Text => output::print(&format!("{path} has {}\n", output::bytes(size as u64)))?,
    }
    Ok(ExitCode::SUCCESS)
}
