//! `drover node resources`

use std::process::ExitCode;

use drover_proto::v1::{ClassResources, GetResourcesResponse, NodeClass, NodeResources};

use crate::{
    client::Client,
    command_line::Global,
    error::CliError,
    output::{self, Format},
};

pub(crate) async fn run(global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let answer = client.resources().await?;
    match global.output {
        Format::Json => output::print_json(&answer)?,
        Format::Text => output::print(&text(&answer))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn text(answer: &GetResourcesResponse) -> String {
    let nodes: Vec<[String; 6]> = answer.nodes.iter().map(of_node).collect();
    let classes: Vec<[String; 6]> = answer
        .classes
        .iter()
        .chain(&answer.cluster)
        .map(of_class)
        .collect();
    let nodes = output::table(
        ["NODE", "STATE", "CLASS", "CAPACITY", "USED", "AVAILABLE"],
        &nodes,
    );
    let classes = output::table(
        ["CLASS", "NODES", "READY", "CAPACITY", "USED", "AVAILABLE"],
        &classes,
    );
    format!("{nodes}\n{classes}")
}

fn of_node(node: &NodeResources) -> [String; 6] {
    [
        output::printable(&node.node),
        output::node_state(node.state()),
        output::node_class(node.class()),
        output::resources(node.capacity.as_ref()),
        output::resources(node.used.as_ref()),
        output::resources(node.available.as_ref()),
    ]
}

fn of_class(class: &ClassResources) -> [String; 6] {
    let name = match class.class() {
        NodeClass::Unspecified => "all".to_owned(),
        known => output::node_class(known),
    };
    [
        name,
        class.nodes.to_string(),
        class.ready_nodes.to_string(),
        output::resources(class.capacity.as_ref()),
        output::resources(class.used.as_ref()),
        output::resources(class.available.as_ref()),
    ]
}

#[cfg(test)]
mod tests {
    use drover_proto::v1::{NodeState, Resources};

    use super::*;

    #[test]
    fn what_is_free_is_shown_by_node_class_and_in_all() {
        let cpu = |cores: u64| {
            Some(Resources {
                cpu_millis: cores * 1_000,
                ..Resources::default()
            })
        };
        let class = |class: NodeClass| ClassResources {
            class: class.into(),
            nodes: 2,
            ready_nodes: 1,
            capacity: cpu(8),
            used: cpu(3),
            available: cpu(1),
        };
        let answer = GetResourcesResponse {
            nodes: vec![NodeResources {
                node: "n1".to_owned(),
                state: NodeState::Ready.into(),
                class: NodeClass::Edge.into(),
                capacity: cpu(4),
                used: cpu(3),
                available: cpu(1),
            }],
            classes: vec![class(NodeClass::Edge)],
            cluster: Some(class(NodeClass::Unspecified)),
        };
        assert_eq!(
            text(&answer),
            "NODE  STATE  CLASS  CAPACITY  USED   AVAILABLE\n\
             n1    ready  edge   cpu 4     cpu 3  cpu 1\n\n\
             CLASS  NODES  READY  CAPACITY  USED   AVAILABLE\n\
             edge   2      1      cpu 8     cpu 3  cpu 1\n\
             all    2      1      cpu 8     cpu 3  cpu 1\n"
        );
    }
}
