//! Where a candidate stands under the rules: 0 is first, 1 is last, whatever the units of their keys.

use std::sync::Arc;

use super::sight::Sight;
use crate::policy::{self, Policy};

/// Rules whose order is a feature.
pub(crate) const RANKED_BY: [&str; 8] = [
    "fifo",
    "saf",
    "sjf",
    "edf",
    "srpt",
    "slack-area",
    "wfp3",
    "priority",
];

/// Which of these ranks a network looks at. The others need not be found.
pub(crate) type RankColumns = [bool; RANKED_BY.len()];

#[derive(Debug)]
pub(super) struct Ranks {
    rules: [Arc<dyn Policy>; RANKED_BY.len()],
    /// Keys with the candidates' places, for sorting.
    order: Vec<(i64, u32)>,
}

impl Default for Ranks {
    fn default() -> Self {
        let rules = RANKED_BY.map(|name| policy::find(name).expect("a built-in policy"));
        let order = Vec::new();
        Self { rules, order }
    }
}

impl Ranks {
    /// Writes a rule's ranks into the column at `first + rule` of rows of `width`. Equals have the rank of the first of them.
    pub(super) fn fill(&mut self, rule: usize, sights: &[Sight], column: &mut [f32], width: usize) {
        let policy = &self.rules[rule];
        self.order.clear();
        let keys = (0..).zip(sights);
        self.order
            .extend(keys.map(|(place, sight)| (policy.key(&sight.facts), place)));
        self.order.sort_unstable();
        let last = sights.len().saturating_sub(1).max(1) as f32;
        let mut first_equal = 0;
        for (place, (key, candidate)) in self.order.iter().enumerate() {
            if *key != self.order[first_equal].0 {
                first_equal = place;
            }
            column[*candidate as usize * width] = first_equal as f32 / last;
        }
    }
}
