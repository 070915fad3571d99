use std::sync::Arc;

use drover_model::{dispatch::Mode, policy::Policy};
use drover_sim::{
    random::{Purpose, Random},
    simulate::{Options, Rounds},
    trace::Trace,
    workload::{self, Family, Parameters},
};

/// What windows are drawn from.
#[derive(Clone, Debug, PartialEq)]
pub struct Curriculum {
    /// Families with how often each is drawn, by its share of the sum.
    pub families: Vec<(&'static str, u64)>,
    /// Offered load, uniform.
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
            load: (0.65, 1.25),
            jobs: (300.0, 1_500.0),
            modes: vec![Mode::Easy],
        }
    }
}

/// A window of a training.
#[derive(Clone, Debug)]
pub struct Drawn {
    pub family: Family,
    pub load: f64,
    pub trace: Trace,
    pub mode: Mode,
}

impl Curriculum {
    /// The window of a seed.
    ///
    /// # Panics
    /// When a family does not exist, there is no mode, or a range is not one of loads and numbers of jobs.
    pub fn draw(&self, seed: u64) -> Drawn {
        let mut random = Random::new(seed, Purpose::Episodes);
        let all: u64 = self.families.iter().map(|(_, weight)| weight).sum();
        let mut chosen = random.below(all.max(1));
        let mut families = self.families.iter();
        let name = families.find_map(|(name, weight)| {
            let is_it = chosen < *weight;
            chosen = chosen.saturating_sub(*weight);
            is_it.then_some(*name)
        });
        let family = workload::find(name.unwrap_or("steady")).expect("a family that exists");
        let mut load = random.real(self.load.0, self.load.1);
        let log_jobs = random.real(self.jobs.0.ln(), self.jobs.1.ln());
        let jobs = match family.name {
            "dag" | "queries" => log_jobs.exp() / JOBS_BY_GRAPH,
            _ => log_jobs.exp(),
        };
        if family.name == "queries" && random.chance(BATCHES_PERMILLE) {
            load = BATCH_LOAD;
        }
        let parameters = Parameters {
            load,
            jobs: jobs.round().max(1.0) as u32,
            seed: random.draw(),
        };
        let trace = family.generate(&parameters);
        Drawn {
            family,
            load,
            trace: trace.expect("parameters within bounds"),
            mode: self.modes[(seed % self.modes.len() as u64) as usize],
        }
    }
}

impl Drawn {
    /// As the window is to be run.
    pub fn options(&self, policy: Arc<dyn Policy>, mode: Mode) -> Options {
        let usual = Options::new(policy, mode);
        match self.family.name {
            "queries" => Options {
                moving_ms: MOVING_MS,
                ..usual
            },
            // Its times are whole minutes.
            "gpu-pool" => Options {
                rounds: Rounds::EachMoment,
                ..usual
            },
            _ => usual,
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
        let batches = drawn.filter(|it| it.load == BATCH_LOAD).count();
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
            assert!((0.65..=1.25).contains(&drawn.load));
            seen.insert(drawn.family.name);
        }
        assert_eq!(seen.len(), curriculum.families.len(), "{seen:?}");
    }
}
