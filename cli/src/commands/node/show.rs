//! `drover node show`

use std::process::ExitCode;

use drover_proto::{node::cost_text, v1::Node};

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
    print(&client.node(args.name).await?, global)
}

/// Also after a change, so that people see what became of it.
pub(super) fn print(node: &Node, global: &Global) -> Result<ExitCode, CliError> {
    match global.output {
        Format::Json => output::print_json(node)?,
        Format::Text => output::print(&text(node))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What operators have decided, also while the state is about something else.
fn admission(node: &Node) -> String {
    match (&node.drain_deadline, node.cordoned) {
        (Some(deadline), _) => {
            let deadline = output::time(Some(deadline));
            format!("gets nothing new; what still runs at {deadline} is stopped and runs elsewhere")
        }
        (None, true) => "gets nothing new until it is uncordoned".to_owned(),
        (None, false) => String::new(),
    }
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
        ("Cordon", admission(node)),
        ("Lost lately", times(node.recent_losses)),
        ("Last heard", output::time(node.last_heard_time.as_ref())),
        ("Agent", node.agent_version.clone()),
        ("Class", output::node_class(node.class())),
        ("Region", node.region.clone()),
        ("Address", node.address.clone()),
        ("Capacity", output::resources(node.capacity.as_ref())),
        ("Free", output::resources(node.free.as_ref())),
        ("Tasks", node.active_attempts.to_string()),
        ("CPU used", format!("{:.0} %", node.cpu_utilization * 100.0)),
        (
            "Memory used",
            format!("{:.0} %", node.memory_utilization * 100.0),
        ),
        ("Latency", format!("{} ms", node.latency_ms)),
        (
            "Cost",
            format!("{} an hour", cost_text(node.cost_per_hour_micros)),
        ),
        ("Power", format!("{} W", node.power_watts)),
        ("Speed", format!("{:.2}", node.speed)),
        ("Labels", labels.collect::<Vec<_>>().join(", ")),
    ];
    let facts = facts.iter().filter(|(_, value)| !value.is_empty());
    facts
        .map(|(name, value)| format!("{name:<12} {}\n", output::printable(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use drover_proto::v1::{NodeClass, NodeState};
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

    #[test]
    fn what_operators_and_agents_say_is_shown() {
        let mut node = Node {
            name: "n1".to_owned(),
            state: NodeState::Draining.into(),
            class: NodeClass::Gpu.into(),
            region: "eu".to_owned(),
            latency_ms: 20,
            cost_per_hour_micros: 1_250_000,
            power_watts: 300,
            cordoned: true,
            drain_deadline: Some(Timestamp {
                seconds: 60,
                nanos: 0,
            }),
            ..Node::default()
        };
        let draining = text(&node);
        for line in [
            "Cordon       gets nothing new; what still runs at 1970-01-01T00:01:00Z is stopped and runs elsewhere\n",
            "Class        gpu\nRegion       eu\n",
            "Latency      20 ms\nCost         1.25 an hour\nPower        300 W\n",
        ] {
            assert!(draining.contains(line), "{draining}");
        }
        node.drain_deadline = None;
        assert!(text(&node).contains("until it is uncordoned"));
        node.cordoned = false;
        assert!(!text(&node).contains("Cordon"));
    }
}
