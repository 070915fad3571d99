use std::sync::Arc;

use super::{Facts, Order, Policy, key::ascending};
use crate::{
    inference::{Network, Scorer, Weights, WeightsError},
    observation::{RANKED_BY, RankColumns, layout},
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
            let column = columns.column(&format!("rank/{rule}"));
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
