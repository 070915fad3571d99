//! Amounts of resources: wire to model and back.

use std::{collections::BTreeMap, sync::Arc};

use drover_model::Resources;

use crate::v1;

/// Kinds of resource that a site counts itself, on one node or for one task.
pub(crate) const CUSTOM_KINDS: usize = 16;

const CUSTOM_NAME_BYTES: usize = 63;
const CUSTOM_AMOUNT: u64 = 1_000_000_000_000;

/// What Drover counts by itself, under the names by which people know it.
const BUILT_IN: [&str; 5] = ["cpu", "memory", "gpu", "gpus", "disk"];

/// For the wire. The model of gpus is no amount, and is left empty.
pub fn resources_to_wire(resources: &Resources) -> v1::Resources {
    v1::Resources {
        cpu_millis: resources.cpu_millis,
        memory_bytes: resources.memory_bytes,
        gpus: resources.gpus,
        disk_bytes: resources.disk_bytes,
        custom: resources
            .named
            .iter()
            .map(|(name, amount)| (name.as_ref().to_owned(), *amount))
            .collect(),
        gpu_model: String::new(),
    }
}

/// Amounts that have been checked.
pub fn resources_to_model(resources: &v1::Resources) -> Resources {
    Resources {
        cpu_millis: resources.cpu_millis,
        memory_bytes: resources.memory_bytes,
        gpus: resources.gpus,
        disk_bytes: resources.disk_bytes,
        named: named(&resources.custom),
    }
}

/// By name, and without what there is none of.
fn named(custom: &BTreeMap<String, u64>) -> Vec<(Arc<str>, u64)> {
    custom
        .iter()
        .filter(|(_, amount)| **amount > 0)
        .map(|(name, amount)| (name.as_str().into(), *amount))
        .collect()
}

/// What is wrong with one resource that a site counts itself.
pub(crate) fn custom_problem(name: &str, amount: u64) -> Option<&'static str> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
    if name.is_empty() || name.len() > CUSTOM_NAME_BYTES || !name.bytes().all(is_allowed) {
        return Some("a resource's name has 1 to 63 letters, digits, `_`, `-`, `.` or `/`");
    }
    if BUILT_IN.contains(&name) {
        return Some("is counted anyway; say it beside `custom`, not in it");
    }
    if !(1..=CUSTOM_AMOUNT).contains(&amount) {
        return Some("must be from 1 to 1,000,000,000,000");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn custom_resources_have_names_and_amounts() {
        for (name, amount, words) in [
            ("", 1, "1 to 63 letters"),
            ("a b", 1, "1 to 63 letters"),
            ("ü", 1, "1 to 63 letters"),
            ("gpu", 1, "is counted anyway"),
            ("license", 0, "must be from 1"),
            ("license", 1_000_000_000_001, "must be from 1"),
        ] {
            let problem = custom_problem(name, amount).expect(name);
            assert!(problem.contains(words), "{name}: {problem}");
        }
        assert!(custom_problem(&"x".repeat(64), 1).is_some());
        for name in ["license", "acme.com/fpga_7-b", &"x".repeat(63)] {
            assert_eq!(custom_problem(name, 1_000_000_000_000), None);
        }
    }

    #[test]
    fn amounts_go_both_ways() {
        let wire = v1::Resources {
            cpu_millis: 1,
            memory_bytes: 2,
            gpus: 3,
            disk_bytes: 4,
            custom: BTreeMap::from([("b".to_owned(), 6), ("a".to_owned(), 5)]),
            gpu_model: String::new(),
        };
        let model = resources_to_model(&wire);
        assert_eq!(model.named, [("a".into(), 5), ("b".into(), 6)]);
        assert_eq!(resources_to_wire(&model), wire);
    }
}
