use std::path::PathBuf;

use clap::Args;
use drover_model::{
    dispatch::Mode,
    policy::{self, Learned},
};
use drover_sim::{
    evaluate::mean_interval,
    workload::{self, FAMILIES, Family},
};

use super::{
    CommandError,
    compared::{Cell, Entrant, Rule},
    error::read_weights,
    progress::progress,
    worth::Known,
};
use crate::LearnError;

/// Compares weights with every rule in every mode, workload by workload.
#[derive(Debug, Args)]
pub(super) struct EvaluateArgs {
    /// The weights
    #[arg(long, value_name = "FILE")]
    model_path: PathBuf,
    /// Mode of dispatch of the weights
    #[arg(long, value_name = "MODE", default_value = "easy")]
    dispatch: Mode,
    /// Rules, as NAME/MODE, or NAME for every mode [default: all]
    #[arg(long, value_name = "RULE,...", value_delimiter = ',')]
    rules: Vec<String>,
    /// Workloads; all are the six families
    #[arg(
        long,
        value_name = "NAME,...",
        value_delimiter = ',',
        default_value = "all"
    )]
    workload: Vec<String>,
    /// Offered loads
    #[arg(
        long,
        value_name = "SHARE,...",
        value_delimiter = ',',
        default_value = "0.7,0.9,1.1"
    )]
    load: Vec<f64>,
    /// Traces of each workload and load
    #[arg(long, value_name = "NUMBER", default_value_t = 30, value_parser = clap::value_parser!(u64).range(2..=10_000))]
    seeds: u64,
    /// The first of their seeds. Trainings draw theirs from all of 2^64, so that none of these was seen
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    first_seed: u64,
    /// Jobs of each trace; of dag a fifth as many
    #[arg(long, value_name = "NUMBER", default_value_t = 2_000)]
    jobs: u32,
    /// A file that keeps what rules are worth, for the next time
    #[arg(long, value_name = "FILE")]
    baselines: Option<PathBuf>,
}

/// Graphs of some sixty tasks are as much work as thousands of jobs.
const JOBS_BY_GRAPH: u32 = 5;

const HEADING: &str = "\
| workload | best rule | its J | learned | difference | 95 % interval | | p99 slowdown by rule's | longest wait by rule's |
|---|---|--:|--:|--:|---|---|--:|--:|";

/// Of all runs, each against the best rule of its cell.
fn summary(logarithms: &[f64]) -> String {
    let mean = logarithms.iter().sum::<f64>() / logarithms.len().max(1) as f64;
    let interval = mean_interval(logarithms, 0);
    let (low, high) = interval.map_or((f64::NAN, f64::NAN), |it| (it.low, it.high));
    format!("mean ln(J / J of the best rule): {mean:+.3} ({low:+.3} to {high:+.3})")
}

impl EvaluateArgs {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        let weights = read_weights(&self.model_path)?;
        // Refused before hours of simulation.
        Learned::new("learned", &weights).map_err(LearnError::from)?;
        let entrant = Entrant {
            weights: &weights,
            mode: self.dispatch,
        };
        let rules = self.rules()?;
        let seeds: Vec<u64> = (0..self.seeds)
            .map(|place| self.first_seed.wrapping_add(place))
            .collect();
        let mut known = Known::open(self.baselines.clone())?;
        let bar = progress(1);
        let mut logarithms = Vec::new();
        println!("{HEADING}");
        for family in self.families()? {
            for load in &self.load {
                let cell = Cell {
                    family,
                    load: *load,
                    jobs: match family.name {
                        "dag" => self.jobs.div_ceil(JOBS_BY_GRAPH),
                        _ => self.jobs,
                    },
                    seeds: &seeds,
                };
                let row = cell.row(&entrant, &rules, &mut known, &bar)?;
                bar.suspend(|| println!("{}", row.line));
                logarithms.extend(row.logarithms);
                known.save()?;
            }
        }
        bar.finish_and_clear();
        println!("\n{}", summary(&logarithms));
        Ok(())
    }

    fn families(&self) -> Result<Vec<Family>, CommandError> {
        if self.workload.iter().any(|name| name == "all") {
            return Ok(FAMILIES.to_vec());
        }
        let families = self.workload.iter().map(|name| workload::find(name));
        Ok(families.collect::<Result<_, _>>()?)
    }

    fn rules(&self) -> Result<Vec<Rule>, CommandError> {
        const MODES: [Mode; 3] = [Mode::Strict, Mode::Easy, Mode::Greedy];
        let mut names = self.rules.clone();
        if names.is_empty() {
            let all = policy::all();
            names = all.iter().map(|rule| rule.name().to_owned()).collect();
        }
        let mut rules = Vec::new();
        for name in names {
            let (name, modes) = match name.split_once('/') {
                Some((name, mode)) => (name.to_owned(), vec![mode.parse()?]),
                None => (name, MODES.to_vec()),
            };
            policy::find(&name)?;
            rules.extend(modes.into_iter().map(|mode| (name.clone(), mode)));
        }
        Ok(rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_says_how_sure_it_is() {
        let runs: Vec<f64> = (0..100)
            .map(|run| f64::from(run % 5) / 10.0 - 0.3)
            .collect();
        let summary = summary(&runs);
        let numbers = summary.replace(['(', ')', ':'], " ");
        let numbers: Vec<f64> = numbers
            .split(' ')
            .filter_map(|it| it.parse().ok())
            .collect();
        let [mean, low, high] = numbers[..] else {
            panic!("{summary}");
        };
        assert_eq!(mean, -0.1);
        assert!(low < mean && mean < high && high - low < 0.1, "{summary}");
    }
}
