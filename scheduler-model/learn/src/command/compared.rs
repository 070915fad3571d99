//! Weights against all rules on one workload at one load.

use drover_model::{
    dispatch::Mode,
    inference::Weights,
    policy::{self, Learned},
};
use drover_sim::{
    evaluate::{Counted, Figures, compare},
    simulate::{Options, in_parallel, simulate},
    workload::{Family, Parameters},
};
use indicatif::ProgressBar;

use super::{
    CommandError,
    worth::{Key, Known, Worth},
};
use crate::LearnError;

/// A rule by name, in a mode.
pub(super) type Rule = (String, Mode);

/// Runs of one kind.
pub(super) struct Cell<'a> {
    pub(super) family: Family,
    pub(super) load: f64,
    pub(super) jobs: u32,
    pub(super) seeds: &'a [u64],
}

/// Weights in a mode.
pub(super) struct Entrant<'a> {
    pub(super) weights: &'a Weights,
    pub(super) mode: Mode,
}

/// A trace, and who dispatches it: a rule, or else the weights.
type Run<'a> = (u64, Option<&'a Rule>);

/// A line of the table.
pub(super) struct Row {
    pub(super) line: String,
    /// ln(J / J of the best rule), seed by seed.
    pub(super) logarithms: Vec<f64>,
}

/// Worse by more than that is called so.
const WORSE: f64 = 0.02;

impl Cell<'_> {
    fn key(&self, seed: u64, (rule, mode): &Rule) -> Key {
        let Self {
            family, load, jobs, ..
        } = self;
        let cell = format!("{} {load} {jobs}", family.name);
        (cell, seed, format!("{rule}/{mode}"))
    }

    pub(super) fn row(
        &self,
        entrant: &Entrant<'_>,
        rules: &[Rule],
        known: &mut Known,
        bar: &ProgressBar,
    ) -> Result<Row, CommandError> {
        let learned = self.runs(entrant, rules, known, bar)?;
        let of = |rule: &Rule| -> Vec<Worth> {
            let worth = |seed: &u64| known.get(&self.key(*seed, rule)).expect("just found");
            self.seeds.iter().map(worth).collect()
        };
        let objective = |rule: &Rule| mean(&of(rule), |it| it.objective);
        let best = rules
            .iter()
            .min_by(|one, other| objective(one).total_cmp(&objective(other)));
        let best = best.ok_or(CommandError::NoRules)?;
        let baseline = of(best);
        let pairs = learned.iter().zip(&baseline);
        let logarithm =
            |(learned, rule): (&Worth, &Worth)| (learned.objective / rule.objective).ln();
        Ok(Row {
            line: self.line(best, &baseline, &learned),
            logarithms: pairs.map(logarithm).collect(),
        })
    }

    /// Runs what is not known yet, and the weights.
    fn runs(
        &self,
        entrant: &Entrant<'_>,
        rules: &[Rule],
        known: &mut Known,
        bar: &ProgressBar,
    ) -> Result<Vec<Worth>, CommandError> {
        let mut runs: Vec<Run<'_>> = Vec::new();
        for seed in self.seeds {
            let is_missing = |rule: &&Rule| known.get(&self.key(*seed, rule)).is_none();
            runs.extend(
                rules
                    .iter()
                    .filter(is_missing)
                    .map(|rule| (*seed, Some(rule))),
            );
            runs.push((*seed, None));
        }
        bar.set_length(runs.len() as u64);
        let worth = |(seed, rule): &Run<'_>| self.worth(entrant, *seed, *rule);
        let found = in_parallel(&runs, worth, |done| bar.set_position(done as u64));
        let mut learned = Vec::new();
        for ((seed, rule), worth) in runs.iter().zip(found) {
            match rule {
                Some(rule) => known.insert(self.key(*seed, rule), worth?),
                None => learned.push(worth?),
            }
        }
        Ok(learned)
    }

    fn worth(
        &self,
        entrant: &Entrant<'_>,
        seed: u64,
        rule: Option<&Rule>,
    ) -> Result<Worth, CommandError> {
        let trace = self.family.generate(&Parameters {
            load: self.load,
            jobs: self.jobs,
            seed,
        })?;
        let (policy, mode) = match rule {
            Some((rule, mode)) => (policy::find(rule)?, *mode),
            None => {
                let learned = Learned::new("learned", entrant.weights);
                (learned.map_err(LearnError::from)?, entrant.mode)
            }
        };
        let options = Options {
            seed,
            ..Options::new(policy, mode)
        };
        let outcome = simulate(&trace, &options).expect("generated traces make sense");
        let figures = Figures::counting(&outcome, &Counted::AfterWarmUp);
        Ok(Worth {
            objective: figures.objective,
            longest_wait_s: figures.starvation.longest_wait_s,
            slowdown_p99: figures.bounded_slowdown.p99,
        })
    }

    fn line(&self, (rule, mode): &Rule, baseline: &[Worth], learned: &[Worth]) -> String {
        let objectives = |of: &[Worth]| of.iter().map(|it| it.objective).collect::<Vec<f64>>();
        let compared = compare(&objectives(learned), &objectives(baseline), 0);
        let interval = compared.and_then(|compared| compared.relative_interval);
        let (low, high) = interval.map_or((f64::NAN, f64::NAN), |it| (it.low, it.high));
        let by = |of: fn(&Worth) -> f64| mean(learned, of) / mean(baseline, of).max(1e-9);
        let difference = by(|it| it.objective) - 1.0;
        let verdict = match () {
            () if high < 0.0 => "better",
            () if difference > WORSE => "worse",
            () => "",
        };
        let Self { family, load, .. } = self;
        format!(
            "| {} {load} | {rule}/{mode} | {:.3} | {:.3} | {:+.1} % | {:+.1} to {:+.1} % | {verdict} | {:.2} | {:.2} |",
            family.name,
            mean(baseline, |it| it.objective),
            mean(learned, |it| it.objective),
            100.0 * difference,
            100.0 * low,
            100.0 * high,
            by(|it| it.slowdown_p99),
            by(|it| it.longest_wait_s),
        )
    }
}

fn mean(worth: &[Worth], of: impl Fn(&Worth) -> f64) -> f64 {
    worth.iter().map(of).sum::<f64>() / worth.len().max(1) as f64
}
