use std::sync::Arc;

use super::{Facts, Order, Policy, key::ascending};
use crate::{
    inference::{Network, Scorer, Weights, WeightsError},
    observation::{RANKED_BY, RankColumns, layout, rank_column},
};

/// A network ranks a window of what waits (see [`crate::inference`] and [`crate::observation`]). A task that fits nowhere
/// now stays in: where it comes first, `easy` keeps capacity for it, and then only what scores higher than it beside that
/// reservation may start; `strict` ends the round.
#[derive(Debug)]
pub struct Learned {
    name: Box<str>,
    scorer: Arc<dyn Scorer>,
    looks_at: RankColumns,
}

impl Learned {
    /// What is before the weights' version in the description.
    const DESCRIPTION: &str = "a network that ranks what waits by what it has learned";

    /// The policy by these weights, under a name such as `learned` or `learned@3`.
    ///
    /// # Errors
    /// The weights need a feature that this program does not observe.
    #[expect(
        clippy::new_ret_no_self,
        reason = "policies are used behind their trait"
    )]
    pub fn new(name: &str, weights: &Weights) -> Result<Arc<dyn Policy>, WeightsError> {
        let weights = weights.aligned(&layout())?;
        Ok(Self::by(name, Arc::new(Network::new(&weights))))
    }

    /// The same by whatever scores windows with the columns of [`layout`].
    pub fn by(name: &str, scorer: Arc<dyn Scorer>) -> Arc<dyn Policy> {
        let columns = layout();
        let looks_at = RANKED_BY.map(|rule| {
            let column = columns.column(&rank_column(rule));
            column.is_some_and(|column| scorer.looks_at(column))
        });
        Arc::new(Self {
            name: name.into(),
            scorer,
            looks_at,
        })
    }

    pub(crate) fn scorer(&self) -> &dyn Scorer {
        &*self.scorer
    }

    /// Whose ranks count.
    pub(crate) fn looks_at(&self) -> &RankColumns {
        &self.looks_at
    }
}

impl Policy for Learned {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> &str {
        Self::DESCRIPTION
    }

    fn order(&self) -> Order {
        Order::Window
    }

    /// The order in which the index serves: least area times run time by weight first, which is Smith's rule for slowdowns. It
    /// decides what is in the window, and the order of what is not.
    fn key(&self, facts: &Facts) -> i64 {
        let path_s = (facts.upward_rank_ms as f64 / 1_000.0).max(10.0);
        let weight = 1.0 + f64::from(facts.priority.get()) / 25.0;
        ascending(facts.processors() * facts.estimate_s() * path_s / weight)
    }

    fn learned(&self) -> Option<&Learned> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::{Architecture, Form, Layout};

    fn weights(columns: &[&str]) -> Weights {
        let architecture = Architecture {
            form: Form::Linear,
            value: None,
        };
        let layout = Layout::new(columns.to_vec(), vec![]).unwrap();
        Weights::zero("old", architecture, layout).unwrap()
    }

    #[test]
    fn what_is_not_observed_is_refused_by_name() {
        let refused = Learned::new("learned", &weights(&["log_estimate", "mood"])).unwrap_err();
        assert!(refused.to_string().contains("`mood`"), "{refused}");
    }

    #[test]
    fn ranks_are_found_only_where_they_count() {
        let weights = weights(&["rank/saf", "rank/slack_area"]);
        let weights = weights.with_parameters(&[0.0, 1.0]).unwrap();
        let policy = Learned::new("learned@2", &weights).unwrap();
        assert_eq!(
            (policy.name(), policy.order()),
            ("learned@2", Order::Window)
        );
        let looked_at = policy.learned().unwrap().looks_at();
        let names = RANKED_BY.iter().zip(looked_at);
        let names: Vec<_> = names.filter(|(_, counts)| **counts).collect();
        assert_eq!(names, [(&"slack-area", &true)]);
    }
}
