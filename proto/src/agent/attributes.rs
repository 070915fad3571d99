//! What an agent says of its host.

use drover_model::NodeAttributes;

use super::{check_text, wrong};
use crate::{
    DecodeError,
    attributes::{
        LABELS, class_to_model, class_to_wire, cost_problem, latency_problem, power_problem,
    },
    v1,
};

/// The longest name of a host (RFC 1035, 253 characters) and a port. Every member of a gang is told of all others.
const MAX_ADDRESS_BYTES: usize = 259;

/// `gpu_model` stands with the capacity. Absent attributes are those of a host of which nobody says anything.
pub(super) fn attributes_from_wire(
    attributes: Option<v1::NodeAttributes>,
    gpu_model: &str,
) -> Result<NodeAttributes, DecodeError> {
    let given = attributes.unwrap_or_default();
    check_texts(&given)?;
    check_text("gpu_model", gpu_model)?;
    for (field, problem) in [
        ("latency_ms", latency_problem(given.latency_ms)),
        (
            "cost_per_hour_micros",
            cost_problem(given.cost_per_hour_micros),
        ),
        ("power_watts", power_problem(given.power_watts)),
    ] {
        if let Some(problem) = problem {
            return Err(wrong(field, problem));
        }
    }
    let class = class_to_model(given.class).map_err(|problem| wrong("class", problem))?;
    Ok(NodeAttributes {
        class: class.unwrap_or_default(),
        region: (!given.region.is_empty()).then(|| given.region.into()),
        labels: given.labels,
        latency_ms: given.latency_ms,
        cost_per_hour_micros: given.cost_per_hour_micros,
        power_watts: given.power_watts,
        gpu_model: (!gpu_model.is_empty()).then(|| gpu_model.into()),
        address: given.address.into(),
    })
}

/// What a coordinator would refuse.
///
/// # Errors
/// The first field that it would.
pub fn check_attributes(attributes: &NodeAttributes) -> Result<(), DecodeError> {
    let gpu_model = text(attributes.gpu_model.as_deref());
    attributes_from_wire(Some(attributes_to_wire(attributes.clone())), &gpu_model).map(drop)
}

/// All but the model of its gpus.
pub(super) fn attributes_to_wire(attributes: NodeAttributes) -> v1::NodeAttributes {
    v1::NodeAttributes {
        class: class_to_wire(attributes.class).into(),
        region: text(attributes.region.as_deref()),
        labels: attributes.labels,
        latency_ms: attributes.latency_ms,
        cost_per_hour_micros: attributes.cost_per_hour_micros,
        power_watts: attributes.power_watts,
        address: attributes.address.as_ref().to_owned(),
    }
}

pub(super) fn text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

fn check_texts(given: &v1::NodeAttributes) -> Result<(), DecodeError> {
    check_text("region", &given.region)?;
    check_text("address", &given.address)?;
    // Members of a gang are told of each other with commas between them, or line by line.
    let parts =
        |character: char| character == ',' || character.is_whitespace() || character.is_control();
    if given.address.contains(parts) {
        return Err(wrong(
            "address",
            "must not hold commas, spaces or control characters",
        ));
    }
    if given.address.len() > MAX_ADDRESS_BYTES {
        return Err(wrong("address", "has more than 259 bytes"));
    }
    if given.labels.len() > LABELS {
        return Err(wrong("labels", "has more than 100 entries"));
    }
    for (name, value) in &given.labels {
        check_text("labels", name)?;
        check_text("labels", value)?;
    }
    Ok(())
}
