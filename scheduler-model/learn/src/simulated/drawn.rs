use std::sync::Arc;

use drover_model::{dispatch::Mode, policy::Policy};
use drover_sim::{
    command::Log,
    random::{Purpose, Random},
    simulate::{Options, Rounds},
    trace::Trace,
    workload::{self, Parameters},
};

/// What windows are drawn from.
#[derive(Clone, Debug, PartialEq)]
pub struct Curriculum {
    /// Families with how often each is drawn, by its share of the sum.
    pub families: Vec<(&'static str, u64)>,
    /// What has happened, of which each counts like a family of weight 1. A window is a stretch of it, at its own load.
    pub logs: Vec<Arc<Log>>,
    /// Offered load of families, uniform.
    pub load: (f64, f64),
    /// Number of jobs, uniform in its logarithm. Graphs, each of which is worth some dozens of jobs, are fewer.
    pub jobs: (f64, f64),
    /// Of dispatch; each window has one of them.
    pub modes: Vec<Mode>,
}

/// Of `dag` and `queries` there are so many fewer jobs.
const JOBS_BY_GRAPH: f64 = 10.0;

/// Half of the windows of `queries` are batches: all jobs come nearly at once.
const BATCHES_PERMILLE: u64 = 500;
const BATCH_LOAD: f64 = 1_000.0;

/// What it costs to move an executor of `queries` between jobs, as in Decima's simulator.
const MOVING_MS: u64 = 2_000;

impl Default for Curriculum {
    fn default() -> Self {
        Self {
            families: vec![
                ("steady", 3),
                ("bursty", 3),
                ("heavy-tail", 4),
                ("deadline-tight", 4),
                ("dag", 3),
                ("edge-cloud-gpu", 4),
                ("lublin", 1),
            ],
            logs: Vec::new(),
            load: (0.65, 1.25),
            jobs: (300.0, 1_500.0),
            modes: vec![Mode::Easy],
        }
    }
}

/// A window of a training.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// Of the family or the log.
    pub name: Arc<str>,
    pub trace: Trace,
    pub mode: Mode,
    rounds: Rounds,
    moving_ms: u64,
}

impl Curriculum {
    /// The window of a seed.
    ///
    /// # Panics
    /// When there is neither a family nor a log, a family does not exist, there is no mode, or a range is not one of loads and
    /// numbers of jobs.
    pub fn draw(&self, seed: u64) -> Drawn {
        let mut random = Random::new(seed, Purpose::Episodes);
        let mode = self.modes[(seed % self.modes.len() as u64) as usize];
        let of_families: u64 = self.families.iter().map(|(_, weight)| weight).sum();
        let mut chosen = random.below(of_families + self.logs.len() as u64);
        for (name, weight) in &self.families {
            if chosen < *weight {
                return self.generate(name, mode, &mut random);
            }
            chosen -= weight;
        }
        self.stretch(&self.logs[chosen as usize], mode, &mut random)
    }

    fn generate(&self, name: &str, mode: Mode, random: &mut Random) -> Drawn {
        let family = workload::find(name).expect("a family that exists");
        let mut load = random.real(self.load.0, self.load.1);
        let mut jobs = self.length(random);
        if matches!(name, "dag" | "queries") {
            jobs /= JOBS_BY_GRAPH;
        }
        if name == "queries" && random.chance(BATCHES_PERMILLE) {
            load = BATCH_LOAD;
        }
        let parameters = Parameters {
            load,
            jobs: jobs.round().max(1.0) as u32,
            seed: random.draw(),
        };
        let trace = family.generate(&parameters);
        Drawn {
            name: family.name.into(),
            trace: trace.expect("parameters within bounds"),
            mode,
            // Times of `gpu-pool` are whole minutes.
            rounds: match name {
                "gpu-pool" => Rounds::EachMoment,
                _ => Rounds::EachEvent,
            },
            moving_ms: if name == "queries" { MOVING_MS } else { 0 },
        }
    }

    /// From a job on that is drawn. All of it, if it is no longer than the window.
    fn stretch(&self, log: &Log, mode: Mode, random: &mut Random) -> Drawn {
        let all = &log.trace.jobs;
        let length = (self.length(random).round() as usize).clamp(1, all.len().max(1));
        let first = random.below((all.len().saturating_sub(length) + 1) as u64) as usize;
        let jobs = all.iter().skip(first).take(length);
        Drawn {
            name: Arc::clone(&log.trace.name),
            trace: Trace {
                name: Arc::clone(&log.trace.name),
                nodes: log.trace.nodes.clone(),
                jobs: jobs.cloned().collect(),
            },
            mode,
            rounds: log.rounds,
            moving_ms: 0,
        }
    }

    fn length(&self, random: &mut Random) -> f64 {
        random.real(self.jobs.0.ln(), self.jobs.1.ln()).exp()
    }
}

impl Drawn {
    /// As the window is to be run.
    pub fn options(&self, policy: Arc<dyn Policy>, mode: Mode) -> Options {
        Options {
            rounds: self.rounds,
            moving_ms: self.moving_ms,
            ..Options::new(policy, mode)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_come_at_once_or_one_after_the_other() {
        let curriculum = Curriculum {
            families: vec![("queries", 1)],
            jobs: (40.0, 60.0),
            ..Curriculum::default()
        };
        let drawn = (0..20).map(|seed| curriculum.draw(seed));
        let is_batch = |it: &Drawn| it.trace.offered_load() > 10.0;
        let batches = drawn.filter(is_batch).count();
        assert!((3..18).contains(&batches), "{batches}");
        let rule = drover_model::policy::find("fair").unwrap();
        let options = curriculum.draw(1).options(rule, Mode::Greedy);
        assert_eq!(options.moving_ms, 2_000);
    }

    #[test]
    fn a_seed_has_one_window_and_all_families_come() {
        let curriculum = Curriculum {
            jobs: (40.0, 80.0),
            ..Curriculum::default()
        };
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..60 {
            let drawn = curriculum.draw(seed);
            assert_eq!(drawn.trace, curriculum.draw(seed).trace);
            seen.insert(drawn.name);
        }
        assert_eq!(seen.len(), curriculum.families.len(), "{seen:?}");
    }

    #[test]
    fn stretches_of_logs_are_as_they_were() {
        let family = workload::find("gpu-pool").unwrap();
        let parameters = Parameters {
            load: 0.9,
            jobs: 300,
            seed: 1,
        };
        let log = Log {
            trace: family.generate(&parameters).unwrap(),
            rounds: Rounds::EachMoment,
        };
        let all = log.trace.jobs.clone();
        let curriculum = Curriculum {
            families: vec![("steady", 1)],
            logs: vec![Arc::new(log)],
            jobs: (40.0, 400.0),
            ..Curriculum::default()
        };
        let drawn = (0..40).map(|seed| curriculum.draw(seed));
        let stretches: Vec<Drawn> = drawn.filter(|it| &*it.name != "steady").collect();
        assert!((8..32).contains(&stretches.len()), "{}", stretches.len());
        let mut firsts = std::collections::BTreeSet::new();
        for stretch in stretches {
            let jobs = &stretch.trace.jobs;
            assert!(jobs.len() >= 40 && all.windows(jobs.len()).any(|some| some == jobs));
            firsts.insert(jobs[0].submitted_ms);
            let rule = drover_model::policy::find("fifo").unwrap();
            let options = stretch.options(rule, Mode::Greedy);
            assert_eq!(options.rounds, Rounds::EachMoment);
        }
        assert!(firsts.len() > 4, "{firsts:?}");
    }
}
