//! Conditions on nodes in the words of users, each with its meaning told a second time: what placement makes of the words
//! is judged by that.

use drover_model::{Expression, NodeAttributes, NodeClass};

use crate::random::Random;

type Meaning = fn(&NodeAttributes) -> bool;

/// What lasts as long as the node does, but for operators.
const LASTING: &[(&str, Meaning)] = &[
    ("class == gpu", |node| node.class == NodeClass::Gpu),
    ("class != edge", |node| node.class != NodeClass::Edge),
    ("class in (edge, cloud)", |node| {
        matches!(node.class, NodeClass::Edge | NodeClass::Cloud)
    }),
    ("class not in (cloud)", |node| {
        node.class != NodeClass::Cloud
    }),
    ("region", |node| node.region.is_some()),
    ("region == north", |node| {
        node.region.as_deref() == Some("north")
    }),
    ("region in (north,south)", |node| {
        matches!(node.region.as_deref(), Some("north" | "south"))
    }),
    ("region != \"east\"", |node| {
        node.region.as_deref() != Some("east")
    }),
    ("label.disk == ssd", |node| {
        label(node, "disk") == Some("ssd")
    }),
    ("label.disk not in (hdd, tape)", |node| {
        !matches!(label(node, "disk"), Some("hdd" | "tape"))
    }),
    ("label.spot", |node| label(node, "spot").is_some()),
    ("!label.spot", |node| label(node, "spot").is_none()),
    ("label.\"zone\" in (a, \"c d\")", |node| {
        matches!(label(node, "zone"), Some("a" | "c d"))
    }),
];

/// What changes with each start of the agent.
const PASSING: (&str, Meaning) = ("label.boot == odd", |node| {
    label(node, "boot") == Some("odd")
});

fn label<'a>(node: &'a NodeAttributes, name: &str) -> Option<&'a str> {
    node.labels.get(name).map(String::as_str)
}

const MOST_NESTED: u32 = 3;

/// A condition, as written and as meant.
#[derive(Clone, Debug)]
pub enum Condition {
    Plain(&'static str, Meaning),
    Not(Box<Self>),
    Both(Box<Self>, Box<Self>),
    Either(Box<Self>, Box<Self>),
}

impl Condition {
    pub(super) fn draw(random: &mut Random) -> Self {
        Self::nested(MOST_NESTED, random)
    }

    fn nested(deep: u32, random: &mut Random) -> Self {
        let kind = if deep == 0 { 3 } else { random.below(6) };
        let mut part = || Box::new(Self::nested(deep - 1, random));
        match kind {
            0 => Self::Not(part()),
            1 => Self::Both(part(), part()),
            2 => Self::Either(part(), part()),
            _ => Self::plain(random.pick(LASTING)),
        }
    }

    /// One that holds of a node, or its opposite, which then does.
    pub(super) fn draw_for(node: &NodeAttributes, random: &mut Random) -> Self {
        let condition = Self::draw(random);
        if condition.holds(node) {
            condition
        } else {
            Self::Not(Box::new(condition))
        }
    }

    pub(super) fn passing() -> Self {
        Self::plain(&PASSING)
    }

    fn plain((text, meaning): &(&'static str, Meaning)) -> Self {
        Self::Plain(text, *meaning)
    }

    pub fn holds(&self, node: &NodeAttributes) -> bool {
        match self {
            Self::Plain(_, meaning) => meaning(node),
            Self::Not(other) => !other.holds(node),
            Self::Both(one, other) => one.holds(node) && other.holds(node),
            Self::Either(one, other) => one.holds(node) || other.holds(node),
        }
    }

    pub fn text(&self) -> String {
        match self {
            Self::Plain(text, _) => (*text).to_owned(),
            Self::Not(other) => format!("!({})", other.text()),
            Self::Both(one, other) => format!("({}) && ({})", one.text(), other.text()),
            Self::Either(one, other) => format!("({}) || ({})", one.text(), other.text()),
        }
    }

    /// What the model reads.
    pub(super) fn expression(&self) -> Expression {
        let text = self.text();
        text.parse()
            .unwrap_or_else(|error| panic!("`{text}`: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_meant() {
        let mut random = Random::new(3, crate::random::Purpose::Jobs);
        let settings = (1..20).map(crate::faults::setting::Setting::of_seed);
        let nodes: Vec<NodeAttributes> = settings
            .flat_map(|setting| setting.agents)
            .zip(1..)
            .map(|(agent, life)| agent.attributes(life))
            .collect();
        for _ in 0..200 {
            let condition = Condition::draw(&mut random);
            let expression = condition.expression();
            let text = condition.text();
            for node in &nodes {
                assert_eq!(
                    expression.holds(node),
                    condition.holds(node),
                    "{text} of {node:?}"
                );
            }
        }
    }
}
