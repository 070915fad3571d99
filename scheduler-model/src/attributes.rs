//! What is known of a host besides its capacity.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
    sync::Arc,
};

/// What kind of host a node is.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Default,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum NodeClass {
    /// Near to where data arises, and small.
    Edge,
    /// In a data centre.
    #[default]
    Cloud,
    /// Has accelerators, and should be kept for what needs them.
    Gpu,
}

impl NodeClass {
    pub const ALL: [Self; 3] = [Self::Edge, Self::Cloud, Self::Gpu];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Cloud => "cloud",
            Self::Gpu => "gpu",
        }
    }
}

impl fmt::Display for NodeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Not the name of a class.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown class `{0}`; the classes are edge, cloud and gpu")]
pub struct ParseClassError(String);

impl FromStr for NodeClass {
    type Err = ParseClassError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|class| class.as_str() == text)
            .ok_or_else(|| ParseClassError(text.to_owned()))
    }
}

/// What placement may look at. Given by the agent, and changed by operators ([`NodeOverrides`]).
#[derive(
    Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(default)]
pub struct NodeAttributes {
    pub class: NodeClass,
    pub region: Option<Arc<str>>,
    pub labels: BTreeMap<String, String>,
    /// Network latency between the node and those whom it works for, in milliseconds.
    pub latency_ms: u32,
    /// What the whole node costs, in millionths of the money's unit an hour.
    pub cost_per_hour_micros: u64,
    /// What the whole node draws under load, in watts.
    pub power_watts: u32,
    /// Of all its gpus.
    pub gpu_model: Option<Arc<str>>,
    /// At which other hosts reach it. Empty: nobody said.
    pub address: Arc<str>,
}

/// What an operator has said of a node. Wins over what its agent says, until it is taken back.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct NodeOverrides {
    pub class: Option<NodeClass>,
    /// Empty: it has none.
    pub region: Option<Arc<str>>,
    pub labels: BTreeMap<String, String>,
    /// Labels of the agent that do not count.
    pub without_labels: BTreeSet<String>,
    pub latency_ms: Option<u32>,
    pub cost_per_hour_micros: Option<u64>,
    pub power_watts: Option<u32>,
    /// Empty: it has none.
    pub gpu_model: Option<Arc<str>>,
}

impl NodeOverrides {
    /// So many labels of a node may be given, and so many taken away.
    pub const MAX_LABELS: usize = 100;

    pub(crate) fn is_too_long(&self) -> bool {
        self.labels.len() > Self::MAX_LABELS || self.without_labels.len() > Self::MAX_LABELS
    }

    /// Puts `later` on top of what was said before.
    pub fn merge(&mut self, later: Self) {
        for name in later.without_labels {
            self.labels.remove(&name);
            self.without_labels.insert(name);
        }
        for (name, value) in later.labels {
            self.without_labels.remove(&name);
            self.labels.insert(name, value);
        }
        replace(&mut self.class, later.class);
        replace(&mut self.region, later.region);
        replace(&mut self.latency_ms, later.latency_ms);
        replace(&mut self.cost_per_hour_micros, later.cost_per_hour_micros);
        replace(&mut self.power_watts, later.power_watts);
        replace(&mut self.gpu_model, later.gpu_model);
    }

    /// What counts when an agent says `given`.
    pub fn apply(&self, given: &NodeAttributes) -> NodeAttributes {
        let mut labels = given.labels.clone();
        labels.retain(|name, _| !self.without_labels.contains(name));
        labels.extend(self.labels.clone());
        NodeAttributes {
            class: self.class.unwrap_or(given.class),
            region: override_text(&self.region, &given.region),
            labels,
            latency_ms: self.latency_ms.unwrap_or(given.latency_ms),
            cost_per_hour_micros: self
                .cost_per_hour_micros
                .unwrap_or(given.cost_per_hour_micros),
            power_watts: self.power_watts.unwrap_or(given.power_watts),
            gpu_model: override_text(&self.gpu_model, &given.gpu_model),
            address: Arc::clone(&given.address),
        }
    }
}

fn replace<T>(old: &mut Option<T>, new: Option<T>) {
    if new.is_some() {
        *old = new;
    }
}

fn override_text(by: &Option<Arc<str>>, given: &Option<Arc<str>>) -> Option<Arc<str>> {
    let text = by.as_ref().or(given.as_ref())?;
    (!text.is_empty()).then(|| Arc::clone(text))
}

/// Whether a node gets new work, as far as operators decide. Durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub enum Admission {
    #[default]
    Open,
    /// Nothing new; what runs there goes on.
    Cordoned,
    /// The same, and what still runs there at `deadline` is stopped and runs elsewhere.
    Draining { deadline: Option<crate::Timestamp> },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
        labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn operators_win_over_agents_until_they_say_otherwise() {
        let given = NodeAttributes {
            region: Some("eu".into()),
            labels: labels(&[("disk", "ssd"), ("rack", "7")]),
            latency_ms: 5,
            ..NodeAttributes::default()
        };
        let mut overrides = NodeOverrides {
            class: Some(NodeClass::Edge),
            region: Some("".into()),
            without_labels: BTreeSet::from(["rack".to_owned()]),
            ..NodeOverrides::default()
        };
        let now = overrides.apply(&given);
        assert_eq!((now.class, now.region.as_deref()), (NodeClass::Edge, None));
        assert_eq!(
            (now.latency_ms, now.labels),
            (5, labels(&[("disk", "ssd")]))
        );
        overrides.merge(NodeOverrides {
            latency_ms: Some(9),
            labels: labels(&[("rack", "8")]),
            ..NodeOverrides::default()
        });
        let now = overrides.apply(&given);
        assert_eq!((now.class, now.latency_ms), (NodeClass::Edge, 9));
        assert_eq!(now.labels, labels(&[("disk", "ssd"), ("rack", "8")]));
    }
}
