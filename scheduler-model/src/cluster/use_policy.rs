//! Another policy, while everything goes on.

use std::sync::Arc;

use super::{
    Cluster,
    age::AGED,
    ready::{Entry, Waiting},
};
use crate::{
    Action, Answer, CallerId, Effects, PolicyEventRow, PolicySwitch, Refusal, Timestamp,
    policy::{Order, Policy},
};

impl Cluster {
    /// What waits is put into the new order in this step; what runs goes on. The next round of dispatch goes by it.
    pub(super) fn use_policy(
        &mut self,
        now: Timestamp,
        caller: Option<CallerId>,
        switch: PolicySwitch,
        effects: &mut Effects,
    ) {
        let answer = match self.switch_policy(now, switch, effects) {
            Ok(before) => Answer::PolicyUsed { before },
            Err(refusal) => Answer::Refused(refusal),
        };
        if let Some(caller) = caller {
            effects.actions.push(Action::Reply { caller, answer });
        }
    }

    /// The version that was in use.
    fn switch_policy(
        &mut self,
        now: Timestamp,
        switch: PolicySwitch,
        effects: &mut Effects,
    ) -> Result<Arc<str>, Refusal> {
        let before = Arc::clone(&self.policy_name);
        if let Some(expected) = switch.instead_of.filter(|expected| *expected != before) {
            return Err(Refusal::OtherPolicy {
                expected,
                found: before,
            });
        }
        let policy = switch.policy.build().map_err(|error| {
            let version = Arc::clone(&switch.policy.version);
            let problem = error.to_string().into();
            Refusal::UnusablePolicy { version, problem }
        })?;
        if policy.name() == &*before {
            return Ok(before);
        }
        self.policy_name = policy.name().into();
        self.config.policy_weights = switch.policy.weights;
        self.rank_by(policy);
        effects.policy_events.push(PolicyEventRow {
            at: now,
            kind: switch.kind,
            from: Some(Arc::clone(&before)),
            to: Arc::clone(&self.policy_name),
            who: switch.who,
            why: switch.why,
        });
        Ok(before)
    }

    fn rank_by(&mut self, policy: Arc<dyn Policy>) {
        let before = std::mem::replace(&mut self.config.policy, policy);
        let orders = [before.order(), self.config.policy.order()];
        let keeps_keys = |order: &Order| matches!(order, Order::Fixed | Order::Window);
        if orders.iter().any(keeps_keys) {
            self.put_in_order();
        }
        // Whom others were kept back for may be another.
        self.ready.reopen();
        self.wants_dispatch = true;
    }

    /// Work grows with the number of tasks that wait. What is escalated or has aged stays before all others.
    fn put_in_order(&mut self) {
        let rekeyed = |entry: &Entry| match entry.key {
            first if first <= AGED => first,
            _ => self.key(entry.task),
        };
        let waiting: Vec<Waiting> = self
            .ready
            .entries()
            .map(|(queue, shape, entry)| {
                let key = rekeyed(entry);
                let latest_start = self.latest_start(entry.task);
                (queue, shape, Entry { key, ..*entry }, latest_start)
            })
            .collect();
        let serves_windows = self.config.policy.order() == Order::Window;
        self.ready.rearrange(&waiting, serves_windows);
        for (_, _, Entry { key, task: at, .. }, _) in waiting {
            let job = self.jobs.get_mut(at.job);
            job.tasks[at.task as usize].become_rekeyed(key);
        }
    }
}
