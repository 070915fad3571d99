//! On which nodes a task may run, and on which it had better.

mod expression;
mod parse;

use std::sync::{Arc, LazyLock};

pub use expression::{Expression, Subject};
pub use parse::ParseExpressionError;

use crate::{NodeAttributes, NodeName};

/// Equal ones are kept once; most tasks have none.
#[derive(
    Clone,
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
pub struct Constraints {
    pub required: Option<Expression>,
    pub preferred: Box<[Preference]>,
    /// Nodes with more are passed over.
    pub max_latency_ms: Option<u32>,
    /// Of the gpus that it asks for.
    pub gpu_model: Option<Arc<str>>,
    /// Nodes it never runs on. Ascending.
    pub avoid: Box<[NodeName]>,
}

/// Nodes that satisfy the expression are better, in proportion to the weight.
#[derive(
    Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
)]
pub struct Preference {
    pub expression: Expression,
    /// 1 to 100.
    pub weight: u8,
}

/// What of a task's constraints a node does not meet.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
pub enum Unmet {
    /// The expression as it is written in canonical form.
    Required(String),
    MaxLatency {
        limit_ms: u32,
    },
    GpuModel(Arc<str>),
    Avoided,
}

impl Constraints {
    /// Those that let a task run anywhere. Kept once.
    pub fn none() -> Arc<Self> {
        static NONE: LazyLock<Arc<Constraints>> = LazyLock::new(Arc::default);
        Arc::clone(&NONE)
    }

    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Judges what nodes with equal attributes have in common: everything but the list of nodes to avoid.
    pub fn admits(&self, attributes: &NodeAttributes) -> bool {
        self.unmet(attributes).is_none()
    }

    pub fn avoids(&self, node: &NodeName) -> bool {
        self.avoid.binary_search(node).is_ok()
    }

    /// The first that such a node does not meet.
    pub fn unmet(&self, attributes: &NodeAttributes) -> Option<Unmet> {
        if let Some(model) = &self.gpu_model
            && attributes.gpu_model.as_ref() != Some(model)
        {
            return Some(Unmet::GpuModel(Arc::clone(model)));
        }
        if let Some(limit_ms) = self.max_latency_ms
            && attributes.latency_ms > limit_ms
        {
            return Some(Unmet::MaxLatency { limit_ms });
        }
        let required = self.required.as_ref()?;
        (!required.holds(attributes)).then(|| Unmet::Required(required.to_string()))
    }

    /// How much of what is preferred such a node has, in thousandths by weight. 1000 when nothing is.
    pub fn preferred_permille(&self, attributes: &NodeAttributes) -> u32 {
        let all: u32 = self.preferred.iter().map(|one| u32::from(one.weight)).sum();
        let met = self.preferred.iter();
        let met: u32 = met
            .filter(|one| one.expression.holds(attributes))
            .map(|one| u32::from(one.weight))
            .sum();
        (met * 1000).checked_div(all).unwrap_or(1000)
    }
}
