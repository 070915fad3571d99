use std::sync::Arc;

use clap::ValueEnum;
use drover_model::{dispatch::Mode, policy::Policy};
use drover_sim::{
    evaluate::{Counted, Figures},
    simulate::simulate,
};

use super::Drawn;

/// What is made small, always against a rule on the same jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Measure {
    /// J, twice that where it is worse, and something for mean waits that grow
    #[default]
    Objective,
    /// Mean bounded slowdown, where neither waits nor tails may grow: they can, as slowdown is bought by starving wide jobs
    Slowdown,
    /// Missed deadlines
    Misses,
    /// Mean completion time
    Completion,
}

/// Of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Worth {
    objective: f64,
    slowdown: f64,
    slowdown_p99: f64,
    mean_wait_s: f64,
    longest_wait_s: f64,
    missed: f64,
    flow_time_s: f64,
}

/// Being worse than the rule costs so much more than being better gains.
const WORSE: f64 = 1.0;

/// Of the logarithm by which mean waits grow, from a grace on.
const WAITING: f64 = 0.1;
const WAITING_GRACE: f64 = 0.1;
const SHORT_WAIT_S: f64 = 10.0;

/// Of slowdown: what logarithms of mean waits, longest waits and slowdowns in the tail count, each down to a limit from which on
/// less gains nothing. Around none they count both ways, so that what is by chance evens out over windows.
const GUARDS: [Guard; 3] = [
    Guard {
        of: |worth| SHORT_WAIT_S + worth.mean_wait_s,
        weight: 2.0,
        least: -0.05,
    },
    Guard {
        of: |worth| SHORT_WAIT_S + worth.longest_wait_s,
        weight: 2.0,
        least: -0.05,
    },
    Guard {
        of: |worth| worth.slowdown_p99,
        weight: 1.0,
        least: 0.0,
    },
];

/// What should not grow.
struct Guard {
    of: fn(&Worth) -> f64,
    weight: f64,
    least: f64,
}

impl Measure {
    /// The run of a policy on a window.
    pub(super) fn worth(self, drawn: &Drawn, policy: Arc<dyn Policy>, mode: Mode) -> Worth {
        let outcome = simulate(&drawn.trace, &drawn.options(policy, mode));
        let outcome = outcome.expect("traces make sense");
        let counted = match self {
            Self::Objective | Self::Misses => Counted::AfterWarmUp,
            Self::Slowdown | Self::Completion => Counted::All,
        };
        let figures = Figures::counting(&outcome, &counted);
        Worth {
            objective: figures.objective,
            slowdown: figures.bounded_slowdown.mean,
            slowdown_p99: figures.bounded_slowdown.p99,
            mean_wait_s: figures.wait_s.mean,
            longest_wait_s: figures.starvation.longest_wait_s,
            missed: figures.deadlines.missed as f64,
            flow_time_s: figures.flow_time_s.mean,
        }
    }

    /// What rules are chosen by.
    pub(super) fn of(self, worth: &Worth) -> f64 {
        match self {
            Self::Objective => worth.objective,
            Self::Slowdown => worth.slowdown,
            // So that none at all has a logarithm.
            Self::Misses => 1.0 + worth.missed,
            Self::Completion => worth.flow_time_s,
        }
    }

    /// ln(measure / measure of the rule).
    pub(super) fn ratio(self, worth: &Worth, rule: &Worth) -> f64 {
        (self.of(worth) / self.of(rule)).ln()
    }

    pub(super) fn cost(self, worth: &Worth, rule: &Worth) -> f64 {
        let ratio = self.ratio(worth, rule);
        let grown = |of: fn(&Worth) -> f64| (of(worth) / of(rule)).ln();
        match self {
            Self::Objective => {
                let waiting = grown(|it| SHORT_WAIT_S + it.mean_wait_s);
                let longer = (waiting - WAITING_GRACE).max(0.0);
                ratio + WORSE * ratio.max(0.0) + WAITING * longer
            }
            Self::Slowdown => {
                let guards = GUARDS.iter();
                let guarded = guards.map(|guard| guard.weight * grown(guard.of).max(guard.least));
                ratio + WORSE * ratio.max(0.0) + guarded.sum::<f64>()
            }
            Self::Misses | Self::Completion => ratio,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Worth = Worth {
        objective: 2.0,
        slowdown: 20.0,
        slowdown_p99: 500.0,
        mean_wait_s: 990.0,
        longest_wait_s: 9_990.0,
        missed: 9.0,
        flow_time_s: 300.0,
    };

    #[test]
    fn slowdown_that_is_bought_by_waiting_gains_nothing() {
        let fair = Worth {
            slowdown: 15.0,
            ..RULE
        };
        let bought = Worth {
            mean_wait_s: 1.1 * RULE.mean_wait_s,
            longest_wait_s: 1.2 * RULE.longest_wait_s,
            ..fair
        };
        let cost = |worth: &Worth| Measure::Slowdown.cost(worth, &RULE);
        assert!(cost(&fair) < -0.25 && cost(&bought) > 0.0);
        let shorter = Worth {
            mean_wait_s: 0.9 * RULE.mean_wait_s,
            ..fair
        };
        assert!(cost(&shorter) < cost(&fair) - 0.09);
        let idle = Worth {
            mean_wait_s: 0.0,
            ..fair
        };
        assert!((cost(&fair) - cost(&idle) - 0.1).abs() < 1e-9, "limited");
    }

    #[test]
    fn every_measure_looks_at_its_own() {
        let better = Worth {
            objective: 1.0,
            missed: 4.0,
            flow_time_s: 150.0,
            ..RULE
        };
        for measure in [Measure::Objective, Measure::Misses, Measure::Completion] {
            let cost = measure.cost(&better, &RULE);
            assert!((cost + 2.0_f64.ln()).abs() < 1e-9, "{measure:?}: {cost}");
        }
        assert_eq!(Measure::Slowdown.cost(&better, &RULE), 0.0);
        let worse = Measure::Objective.cost(&RULE, &better);
        assert!((worse - 2.0 * 2.0_f64.ln()).abs() < 1e-9);
    }
}
