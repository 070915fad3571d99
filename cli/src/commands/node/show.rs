//! `drover node show`

use std::process::ExitCode;

use drover_proto::v1::{GetNodeRequest, Node};

use crate::{
    client::Client,
    command_line::Global,
    error::CliError,
    output::{self, Format},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the host
    name: String,
}

pub(crate) async fn run(args: Args, global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let request = GetNodeRequest { name: args.name };
    let node = client
        .nodes()
        .get(request)
        .await
        .map_err(|status| client.failed(status))?
        .into_inner();
    match global.output {
        Format::Json => output::print_json(&node)?,
        Format::Text => output::print(&text(&node))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn text(node: &Node) -> String {
    let labels = node
        .labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"));
    let facts = [
        ("Node", node.name.clone()),
        ("State", output::node_state(node.state())),
        ("Last heard", output::time(node.last_heard_time.as_ref())),
        ("Agent", node.agent_version.clone()),
        (
            "Capacity",
            output::resources(&node.capacity.unwrap_or_default()),
        ),
        ("Free", output::resources(&node.free.unwrap_or_default())),
        ("Tasks", node.active_attempts.to_string()),
        ("CPU used", format!("{:.0} %", node.cpu_utilization * 100.0)),
        (
            "Memory used",
            format!("{:.0} %", node.memory_utilization * 100.0),
        ),
        ("Labels", labels.collect::<Vec<_>>().join(", ")),
    ];
    let facts = facts.iter().filter(|(_, value)| !value.is_empty());
    facts
        .map(|(name, value)| format!("{name:<12} {}\n", output::printable(value)))
        .collect()
}
