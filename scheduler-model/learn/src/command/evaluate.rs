use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;
use drover_model::{
    dispatch::Mode,
    policy::{self, Learned},
};
use drover_sim::{
    evaluate::{Counted, Figures, compare},
    simulate::{Options, in_parallel, simulate},
    workload::{self, FAMILIES, Family, Parameters},
};

use super::{
    CommandError,
    error::{read, read_weights, write},
    progress::progress,
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
    /// Rules, each in every mode, as NAME or NAME/MODE [default: all]
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
    /// The first of their seeds; trainings draw from all of 2^64, so that none of these was seen
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    first_seed: u64,
    /// Jobs of each trace; of dag a fifth as many
    #[arg(long, value_name = "NUMBER", default_value_t = 2_000)]
    jobs: u32,
    /// Keeps what rules are worth in this file, and takes from it what was kept
    #[arg(long, value_name = "FILE")]
    baselines: Option<PathBuf>,
}

/// Graphs of some sixty tasks are as much work as thousands of jobs.
const JOBS_BY_GRAPH: u32 = 5;

/// What a rule in a mode is worth on a trace: family, load, jobs, seed, policy, mode.
type Key = (String, String, u32, u64, String, String);

/// A run: on which trace, by which rule (or the weights), in which mode.
type Run<'a> = (u64, Option<&'a str>, Mode);

#[derive(Clone, Copy, Debug)]
struct Worth {
    objective: f64,
    longest_wait_s: f64,
    slowdown_p99: f64,
}

impl EvaluateArgs {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        let weights = read_weights(&self.model_path)?;
        // Refused before hours of simulation.
        Learned::new("learned", &weights).map_err(LearnError::from)?;
        let mut known = self.known()?;
        println!(
            "| workload | best rule | its J | learned J | difference | 95 % interval | longest wait / rule's | p99 slowdown / rule's |"
        );
        println!("|---|---|--:|--:|--:|---|--:|--:|");
        for family in self.families()? {
            for load in &self.load {
                let row = self.row(&family, *load, &weights, &mut known)?;
                println!("{row}");
                if let Some(path) = &self.baselines {
                    write(path, text(&known).as_bytes())?;
                }
            }
        }
        Ok(())
    }

    fn families(&self) -> Result<Vec<Family>, CommandError> {
        if self.workload.iter().any(|name| name == "all") {
            return Ok(FAMILIES.to_vec());
        }
        let families = self.workload.iter().map(|name| workload::find(name));
        Ok(families.collect::<Result<_, _>>()?)
    }

    fn rules(&self) -> Vec<(String, Mode)> {
        const MODES: [Mode; 3] = [Mode::Strict, Mode::Easy, Mode::Greedy];
        let mut names = self.rules.clone();
        if names.is_empty() {
            names = policy::all()
                .iter()
                .map(|rule| rule.name().to_owned())
                .collect();
        }
        let mut rules = Vec::new();
        for name in names {
            match name.split_once('/') {
                Some((name, mode)) => {
                    rules.extend(mode.parse().map(|mode| (name.to_owned(), mode)))
                }
                None => rules.extend(MODES.map(|mode| (name.clone(), mode))),
            }
        }
        rules
    }

    fn row(
        &self,
        family: &Family,
        load: f64,
        weights: &drover_model::inference::Weights,
        known: &mut BTreeMap<Key, Worth>,
    ) -> Result<String, CommandError> {
        let jobs = match family.name {
            "dag" => self.jobs / JOBS_BY_GRAPH,
            _ => self.jobs,
        };
        let key = |seed: u64, rule: &str, mode: Mode| -> Key {
            (
                family.name.into(),
                load.to_string(),
                jobs,
                seed,
                rule.into(),
                mode.to_string(),
            )
        };
        let rules = self.rules();
        for (rule, _) in &rules {
            policy::find(rule)?;
        }
        let seeds: Vec<u64> = (self.first_seed..).take(self.seeds as usize).collect();
        let mut runs: Vec<Run<'_>> = Vec::new();
        for seed in &seeds {
            let missing = rules
                .iter()
                .filter(|(rule, mode)| !known.contains_key(&key(*seed, rule, *mode)));
            runs.extend(missing.map(|(rule, mode)| (*seed, Some(rule.as_str()), *mode)));
            runs.push((*seed, None, self.dispatch));
        }
        let worth = |(seed, rule, mode): &Run<'_>| -> Result<Worth, CommandError> {
            let parameters = Parameters {
                load,
                jobs,
                seed: *seed,
            };
            let trace = family.generate(&parameters)?;
            let policy = match rule {
                Some(rule) => policy::find(rule)?,
                None => Learned::new("learned", weights).map_err(LearnError::from)?,
            };
            let options = Options {
                seed: *seed,
                ..Options::new(policy, *mode)
            };
            let outcome = simulate(&trace, &options).expect("generated traces make sense");
            let figures = Figures::counting(&outcome, &Counted::AfterWarmUp);
            Ok(Worth {
                objective: figures.objective,
                longest_wait_s: figures.starvation.longest_wait_s,
                slowdown_p99: figures.bounded_slowdown.p99,
            })
        };
        let bar = progress(runs.len() as u64);
        let found = in_parallel(&runs, worth, |done| bar.set_position(done as u64));
        bar.finish_and_clear();
        let mut learned = Vec::new();
        for ((seed, rule, mode), worth) in runs.iter().zip(found) {
            match rule {
                Some(rule) => {
                    known.insert(key(*seed, rule, *mode), worth?);
                }
                None => learned.push(worth?),
            }
        }
        let of_rule = |(rule, mode): &(String, Mode)| -> Vec<Worth> {
            seeds
                .iter()
                .map(|seed| known[&key(*seed, rule, *mode)])
                .collect()
        };
        let best = rules.iter().min_by(|one, other| {
            mean(&of_rule(one), |it| it.objective)
                .total_cmp(&mean(&of_rule(other), |it| it.objective))
        });
        let best = best.expect("there are rules");
        let baseline = of_rule(best);
        let values = |of: &[Worth]| of.iter().map(|it| it.objective).collect::<Vec<f64>>();
        let compared = compare(&values(&learned), &values(&baseline), 0);
        let interval = compared.and_then(|it| it.relative_interval);
        let (low, high) = interval.map_or((f64::NAN, f64::NAN), |it| (it.low, it.high));
        let by = |of: fn(&Worth) -> f64| mean(&learned, of) / mean(&baseline, of).max(1e-9);
        let verdict = match () {
            () if high < 0.0 => "**better**",
            () if by(|it| it.objective) > 1.02 => "worse",
            () => "",
        };
        Ok(format!(
            "| {} {load} | {}/{} | {:.3} | {:.3} | {:+.1} % | {:+.1} to {:+.1} % {verdict} | {:.2} | {:.2} |",
            family.name,
            best.0,
            best.1,
            mean(&baseline, |it| it.objective),
            mean(&learned, |it| it.objective),
            100.0 * (by(|it| it.objective) - 1.0),
            100.0 * low,
            100.0 * high,
            by(|it| it.longest_wait_s),
            by(|it| it.slowdown_p99),
        ))
    }

    fn known(&self) -> Result<BTreeMap<Key, Worth>, CommandError> {
        let Some(path) = self.baselines.as_ref().filter(|path| path.exists()) else {
            return Ok(BTreeMap::new());
        };
        let content = read(path)?;
        let content = String::from_utf8_lossy(&content);
        Ok(content.lines().filter_map(parse).collect())
    }
}

fn mean(worth: &[Worth], of: impl Fn(&Worth) -> f64) -> f64 {
    worth.iter().map(of).sum::<f64>() / worth.len().max(1) as f64
}

fn text(known: &BTreeMap<Key, Worth>) -> String {
    let line = |((family, load, jobs, seed, rule, mode), worth): (&Key, &Worth)| {
        let Worth {
            objective,
            longest_wait_s,
            slowdown_p99,
        } = worth;
        format!(
            "{family},{load},{jobs},{seed},{rule},{mode},{objective},{longest_wait_s},{slowdown_p99}\n"
        )
    };
    known.iter().map(line).collect()
}

/// A line that is malformed is found anew.
fn parse(line: &str) -> Option<(Key, Worth)> {
    let fields: Vec<&str> = line.split(',').collect();
    let [
        family,
        load,
        jobs,
        seed,
        rule,
        mode,
        objective,
        longest_wait_s,
        slowdown_p99,
    ] = fields[..]
    else {
        return None;
    };
    let key = (
        family.into(),
        load.into(),
        jobs.parse().ok()?,
        seed.parse().ok()?,
        rule.into(),
        mode.into(),
    );
    let worth = Worth {
        objective: objective.parse().ok()?,
        longest_wait_s: longest_wait_s.parse().ok()?,
        slowdown_p99: slowdown_p99.parse().ok()?,
    };
    Some((key, worth))
}
