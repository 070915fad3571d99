//! `drover node list`

use std::process::ExitCode;

use drover_proto::v1::{ListNodesRequest, Node};

use crate::{
    client::Client,
    command_line::Global,
    error::CliError,
    output::{self, Format},
};

pub(crate) async fn run(global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let answer = client
        .nodes()
        .list(ListNodesRequest {})
        .await
        .map_err(|status| client.failed(status))?;
    let answer = answer.into_inner();
    match global.output {
        Format::Json => output::print_json(&answer)?,
        Format::Text => {
            let rows: Vec<[String; 6]> = answer.nodes.iter().map(row).collect();
            output::print(&output::table(
                [
                    "NAME",
                    "STATE",
                    "TASKS",
                    "FREE",
                    "CAPACITY",
                    "USED CPU/MEMORY",
                ],
                &rows,
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn row(node: &Node) -> [String; 6] {
    [
        output::printable(&node.name),
        output::node_state(node.state()),
        node.active_attempts.to_string(),
        output::resources(&node.free.unwrap_or_default()),
        output::resources(&node.capacity.unwrap_or_default()),
        format!(
            "{:.0} % / {:.0} %",
            node.cpu_utilization * 100.0,
            node.memory_utilization * 100.0
        ),
    ]
}
