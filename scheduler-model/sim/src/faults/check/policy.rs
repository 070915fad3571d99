//! What is decided by whom.

use std::sync::Arc;

use drover_model::{DecisionSummary, PolicyEventKind, turn::SealedTurn};

use super::Checker;

impl Checker {
    /// Decisions name the policy that is in use, or one that this turn has switched from.
    pub(super) fn policy_decides(&mut self, turn: &SealedTurn) {
        let mut may_decide = vec![Arc::clone(&self.policy)];
        for row in &turn.policy_events {
            let from = row.from.clone().unwrap_or_default();
            let last = may_decide.last().expect("one decides").clone();
            self.require(
                from == last && row.kind == PolicyEventKind::Use,
                "each switch goes from the policy in use",
                || format!("{row:?}, and `{last}` was in use"),
            );
            may_decide.push(Arc::clone(&row.to));
        }
        // What was carried over from another job was decided there.
        let decisions = turn
            .attempts
            .iter()
            .filter_map(|row| row.decision.as_deref());
        for summary in decisions.filter_map(DecisionSummary::parse) {
            self.require(
                may_decide.iter().any(|policy| **policy == *summary.policy),
                "decisions name the policy in use",
                || format!("`{summary}`, and {may_decide:?} may decide"),
            );
        }
        self.policy = may_decide.pop().expect("one decides");
    }
}
