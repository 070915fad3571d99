//! The objective in the small: what a second of waiting costs by it, against the work that ends the waiting.
//!
//! Smith's rule (Naval Research Logistics Quarterly 1956) starts what has the highest ratio of cost to work. For deadlines
//! the cost of a miss is discounted by the slack that is left, as in the apparent tardiness cost (Vepsalainen, Morton,
//! "Priority rules for job shops with weighted tardiness costs", Management Science 1987), with a hyperbola in place of the
//! exponential.

use super::{logarithm::ln, sight::Sight};

/// A job shorter than that is not slowed down more by waiting as long (the bound of bounded slowdown), in milliseconds.
const SLOWDOWN_BOUND_MS: f32 = 10_000.0;

/// What a missed deadline costs, in slowdowns; and the most that being late costs beside it.
const MISS: f32 = 10.0;
const LARGEST_TARDINESS: f32 = 10.0;

/// Waits of so many ideal times count as starving, where the median wait is short.
const STARVED_FACTOR: f32 = 20.0;

/// A slowdown above it costs no more.
const LARGEST_SLOWDOWN: f32 = 100.0;

/// What a job's waiting costs now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cost {
    /// Milliseconds by which waiting is divided for the slowdown.
    pub(super) floor_ms: f32,
    /// Slowdown if it ran from now on.
    pub(super) slowdown: f32,
    /// 1 + priority / 25, as the objective weighs jobs.
    pub(super) weight: f32,
    /// Against its deadline, in milliseconds; `None` without one.
    pub(super) slack_ms: Option<f32>,
    waited_ms: f32,
    path_ms: f32,
    ideal_ms: f32,
    work_ms: f32,
}

impl Cost {
    pub(super) fn of(sight: &Sight) -> Self {
        let facts = &sight.facts;
        let ideal_ms = (sight.critical_path_ms as f32).max(1_000.0);
        let floor_ms = ideal_ms.max(SLOWDOWN_BOUND_MS);
        let path_ms = facts.upward_rank_ms.max(1) as f32;
        let waited_ms = facts.now.since(facts.submitted_at) as f32;
        Self {
            floor_ms,
            slowdown: (waited_ms + path_ms) / floor_ms,
            weight: 1.0 + f32::from(facts.priority.get()) / 25.0,
            slack_ms: facts.slack_ms().map(|slack| slack as f32),
            waited_ms,
            path_ms,
            ideal_ms,
            work_ms: facts.job.work_left.max(1) as f32,
        }
    }

    /// How late it would be, in ideal times, if it ran from now on; 0 if it would not.
    pub(super) fn tardiness(&self) -> f32 {
        self.slack_ms
            .map_or(0.0, |slack| -slack / self.ideal_ms)
            .max(0.0)
    }

    pub(super) fn is_late(&self) -> bool {
        self.slack_ms.is_some_and(|slack| slack < 0.0)
    }

    /// Waiting longer costs no more: slowdown and tardiness count as the worst already.
    pub(super) fn is_capped(&self) -> bool {
        let is_slow = self.slowdown >= LARGEST_SLOWDOWN;
        is_slow && (!self.is_late() || self.tardiness() >= LARGEST_TARDINESS)
    }

    /// From 1 when there is no slack to 0 when there is plenty; 0 without a deadline and when it is late.
    pub(super) fn urgency(&self, look_ahead: f32) -> f32 {
        match self.slack_ms {
            Some(slack) if slack >= 0.0 => {
                let nearness = 1.0 / (1.0 + slack / (look_ahead * self.path_ms));
                nearness * nearness
            }
            _ => 0.0,
        }
    }

    /// How near its wait is to so many ideal times that the objective counts it as starving: 0.5 one path before, 1 then.
    pub(super) fn starving(&self) -> f32 {
        let left_ms = (STARVED_FACTOR * self.ideal_ms - self.waited_ms).max(0.0);
        1.0 / (1.0 + left_ms / self.path_ms)
    }

    /// Logarithm of cost by work, a second's in slowdowns by seconds of so many thousandths of a processor. Deadlines count from
    /// `look_ahead` times the remaining path before the latest start.
    pub(super) fn index(&self, look_ahead: f32, cluster_millis: f32) -> f32 {
        let slowdown = if self.slowdown < LARGEST_SLOWDOWN {
            1.0 / self.floor_ms
        } else {
            0.0
        };
        let late = match self.is_late() && self.tardiness() < LARGEST_TARDINESS {
            true => 1.0 / self.ideal_ms,
            false => 0.0,
        };
        let miss = MISS * self.urgency(look_ahead) / (look_ahead * self.path_ms);
        // What costs nothing any more still comes some time.
        let least = 0.01 / self.floor_ms;
        let by_second = 1_000.0 * self.weight * (slowdown + late + miss + least);
        ln(by_second / (self.work_ms / cluster_millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Priority, Timestamp,
        policy::{Facts, JobFacts},
    };

    fn sight() -> Sight {
        Sight {
            facts: Facts {
                now: Timestamp(30_000),
                submitted_at: Timestamp(10_000),
                deadline: None,
                priority: Priority::NORMAL,
                width_millis: 4_000,
                estimate_ms: 20_000,
                upward_rank_ms: 20_000,
                job: JobFacts {
                    work: 80_000,
                    work_left: 80_000,
                    held_millis: 0,
                },
                node_score: 0,
            },
            critical_path_ms: 20_000,
            hold_ms: 30_000,
            attempts: 0,
            tasks: 1,
            dominant_ppm: 10_000,
            fits: true,
            at_home: false,
        }
    }

    fn due(at_ms: i64) -> Cost {
        let mut due = sight();
        due.facts.deadline = Some(Timestamp(at_ms));
        Cost::of(&due)
    }

    #[test]
    fn what_has_little_slack_costs_most_and_what_is_late_less() {
        let plain = Cost::of(&sight());
        assert_eq!((plain.slowdown, plain.tardiness()), (2.0, 0.0));
        let (far, near, late) = (due(500_000), due(51_000), due(40_000));
        assert!(near.index(1.0, 1e4) > late.index(1.0, 1e4));
        assert!(late.index(1.0, 1e4) > plain.index(1.0, 1e4));
        assert!(
            near.index(1.0, 1e4) > far.index(1.0, 1e4)
                && far.index(1.0, 1e4) >= plain.index(1.0, 1e4)
        );
        assert_eq!((late.urgency(1.0), late.tardiness()), (0.0, 0.5));
    }

    #[test]
    fn cost_grows_with_priority_and_falls_with_work() {
        let mut urgent = sight();
        urgent.facts.priority = Priority::URGENT;
        let mut large = sight();
        large.facts.job.work_left *= 2;
        let plain = Cost::of(&sight()).index(1.0, 1e4);
        assert!(Cost::of(&urgent).index(1.0, 1e4) > plain);
        assert!(Cost::of(&large).index(1.0, 1e4) < plain);
    }

    #[test]
    fn what_has_waited_without_end_costs_no_more() {
        let mut old = sight();
        old.facts.now = Timestamp(3_000_000);
        let old = Cost::of(&old);
        assert!(old.is_capped() && !Cost::of(&sight()).is_capped());
        assert!(old.index(1.0, 1e4) < Cost::of(&sight()).index(1.0, 1e4));
        assert!(old.index(1.0, 1e4).is_finite());
    }
}
