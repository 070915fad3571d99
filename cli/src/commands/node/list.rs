//! `drover node list`

use std::process::ExitCode;

use drover_proto::v1::Node;

use crate::{
    client::Client,
    command_line::Global,
    error::CliError,
    output::{self, Format},
};

pub(crate) async fn run(global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let answer = client.nodes().await?;
    match global.output {
        Format::Json => output::print_json(&answer)?,
        Format::Text => {
            let rows: Vec<[String; 8]> = answer.nodes.iter().map(row).collect();
            output::print(&output::table(
                [
                    "NAME",
                    "STATE",
                    "CLASS",
                    "REGION",
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

/// With what keeps a node from getting tasks.
fn state(node: &Node) -> String {
    let state = output::node_state(node.state());
    match (&node.quarantined_until_time, node.recent_losses) {
        (Some(until), losses) => {
            format!(
                "{state} until {}, lost {losses}x",
                output::time(Some(until))
            )
        }
        (None, 0) => state,
        (None, losses) => format!("{state}, lost {losses}x lately"),
    }
}

fn row(node: &Node) -> [String; 8] {
    [
        output::printable(&node.name),
        state(node),
        output::node_class(node.class()),
        if node.region.is_empty() {
            "-".to_owned()
        } else {
            output::printable(&node.region)
        },
        node.active_attempts.to_string(),
        output::resources(node.free.as_ref()),
        output::resources(node.capacity.as_ref()),
        format!(
            "{:.0} % / {:.0} %",
            node.cpu_utilization * 100.0,
            node.memory_utilization * 100.0
        ),
    ]
}

#[cfg(test)]
mod tests {
    use drover_proto::v1::NodeState;
    use pbjson_types::Timestamp;

    use super::*;

    #[test]
    fn a_quarantine_is_told_with_its_end() {
        let mut node = Node {
            state: NodeState::Quarantined.into(),
            quarantined_until_time: Some(Timestamp {
                seconds: 60,
                nanos: 0,
            }),
            recent_losses: 3,
            ..Node::default()
        };
        assert_eq!(
            state(&node),
            "quarantined until 1970-01-01T00:01:00Z, lost 3x"
        );
        node.set_state(NodeState::Ready);
        node.quarantined_until_time = None;
        assert_eq!(state(&node), "ready, lost 3x lately");
        node.recent_losses = 0;
        assert_eq!(state(&node), "ready");
    }
}
