//! `drover node show`

use std::process::ExitCode;

use drover_proto::v1::Node;

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
    let node = client.node(args.name).await?;
    match global.output {
        Format::Json => output::print_json(&node)?,
        Format::Text => output::print(&text(&node))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn quarantine(node: &Node) -> String {
    let until = node.quarantined_until_time.as_ref();
    until.map_or_else(String::new, |until| {
        format!(
            "until {}: it was lost too often to be trusted with tasks now",
            output::time(Some(until))
        )
    })
}

fn times(losses: u32) -> String {
    match losses {
        0 => String::new(),
        1 => "once".to_owned(),
        _ => format!("{losses} times"),
    }
}

fn text(node: &Node) -> String {
    let labels = node
        .labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"));
    let facts = [
        ("Node", node.name.clone()),
        ("State", output::node_state(node.state())),
        ("Quarantine", quarantine(node)),
        ("Lost lately", times(node.recent_losses)),
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

#[cfg(test)]
mod tests {
    use drover_proto::v1::NodeState;
    use pbjson_types::Timestamp;

    use super::*;

    #[test]
    fn a_quarantine_is_explained() {
        let mut node = Node {
            name: "n1".to_owned(),
            state: NodeState::Quarantined.into(),
            quarantined_until_time: Some(Timestamp {
                seconds: 60,
                nanos: 0,
            }),
            recent_losses: 3,
            ..Node::default()
        };
        let quarantined = text(&node);
        assert!(
            quarantined.contains("Quarantine   until 1970-01-01T00:01:00Z: it was lost too often"),
            "{quarantined}"
        );
        assert!(
            quarantined.contains("Lost lately  3 times\n"),
            "{quarantined}"
        );
        node.quarantined_until_time = None;
        node.recent_losses = 0;
        let trusted = text(&node);
        assert!(!trusted.contains("Quarantine "), "{trusted}");
        assert!(!trusted.contains("Lost lately"), "{trusted}");
    }
}
