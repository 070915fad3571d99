use clap::Args;
use drover_sim::random::{Purpose, Random};

use super::{
    CommandError,
    progress::progress,
    train::{Algorithm, TrainArgs, Training},
};
use crate::simulated::{Curriculum, SimulatedCost};

/// Finds how to train: trainings with flags drawn at random, each for some steps; the best third goes on for three times as
/// many, and so on until one is left (successive halving: Jamieson, Talwalkar, "Non-stochastic Best Arm Identification and
/// Hyperparameter Optimization", AISTATS 2016).
#[derive(Debug, Args)]
pub(super) struct TuneArgs {
    /// Trainings to begin with
    #[arg(long, value_name = "NUMBER", default_value_t = 9, value_parser = clap::value_parser!(u32).range(2..=729))]
    trials: u32,
    /// Generations or updates of each, before the first choice
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    steps: u64,
    /// Of what is drawn
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    tune_seed: u64,
    /// After --, flags of `train` that all of them have, such as --algorithm ppo --form pooled
    #[arg(last = true, value_name = "FLAG")]
    flags: Vec<String>,
}

/// One in so many goes on, for so many times as long.
const FACTOR: u64 = 3;

const HEADING: &str = "| steps | cost on validation windows | flags |\n|--:|--:|---|";

struct Trial {
    flags: Vec<String>,
    training: Training,
    /// Of the latest validation.
    cost: f64,
}

impl TuneArgs {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        let usual = self.parse(&[])?;
        let curriculum = usual.curriculum()?;
        let mut trials = Vec::new();
        for trial in 0..self.trials {
            trials.push(self.draw(usual.algorithm, &curriculum, trial)?);
        }
        let objective = usual.objective(curriculum);
        println!("{HEADING}");
        let bar = progress(trials.len() as u64);
        let mut steps = self.steps;
        loop {
            bar.reset();
            bar.set_length(trials.len() as u64);
            for trial in &mut trials {
                trial.train(steps, &objective)?;
                let row = format!(
                    "| {steps} | {:.4} | {} |",
                    trial.cost,
                    trial.flags.join(" ")
                );
                bar.suspend(|| println!("{row}"));
                bar.inc(1);
            }
            trials.sort_by(|one, other| one.cost.total_cmp(&other.cost));
            if trials.len() == 1 {
                break;
            }
            trials.truncate(trials.len().div_ceil(FACTOR as usize));
            steps *= FACTOR;
        }
        bar.finish_and_clear();
        let best = [&self.flags[..], &trials[0].flags[..]].concat();
        println!("\ndrover-learner train {} --output FILE", best.join(" "));
        Ok(())
    }

    /// The last to be left trains for so many steps.
    fn longest(&self) -> u64 {
        let (mut steps, mut left) = (self.steps, u64::from(self.trials));
        while left > 1 {
            (steps, left) = (steps * FACTOR, left.div_ceil(FACTOR));
        }
        steps
    }

    fn draw(
        &self,
        algorithm: Algorithm,
        curriculum: &Curriculum,
        trial: u32,
    ) -> Result<Trial, CommandError> {
        let mut random = Random::of(self.tune_seed, Purpose::Search, [trial.into(), 0, 0]);
        let flags = drawn(algorithm, &mut random);
        let train = self.parse(&flags)?;
        Ok(Trial {
            training: train.begin(curriculum, &mut ())?,
            flags,
            cost: f64::NAN,
        })
    }

    fn parse(&self, drawn: &[String]) -> Result<Box<TrainArgs>, CommandError> {
        let longest = self.longest();
        let ours = [
            format!("--generations={longest}"),
            format!("--episodes={}", longest * TrainArgs::EPISODES),
            format!("--validate-every={}", self.steps),
            "--output=none".to_owned(),
        ];
        let flags = [&self.flags[..], drawn, &ours].concat();
        Ok(TrainArgs::from_flags(flags)?)
    }
}

impl Trial {
    fn train(&mut self, steps: u64, objective: &SimulatedCost) -> Result<(), CommandError> {
        let mut measured: Vec<(u64, String, f64)> = Vec::new();
        while self.training.steps() < steps {
            self.training.step(objective, &mut measured)?;
        }
        let mut costs = measured
            .iter()
            .filter(|(_, name, _)| name == "validation/cost");
        self.cost = costs.next_back().map_or(f64::NAN, |(_, _, cost)| *cost);
        Ok(())
    }
}

/// Flags that a learner is most sensitive to. A generation of direct search always takes as many windows.
fn drawn(algorithm: Algorithm, random: &mut Random) -> Vec<String> {
    const WINDOWS: u32 = 192;
    let between = |random: &mut Random, low: f64, high: f64| random.real(low.ln(), high.ln()).exp();
    let by_gradient = |random: &mut Random, rate: (f64, f64), sharpness: (f64, f64)| {
        vec![
            format!("--lr={:.1e}", between(random, rate.0, rate.1)),
            format!("--gamma={}", random.pick(&[0.99, 0.998, 1.0])),
            format!(
                "--sharpness={:.2}",
                between(random, sharpness.0, sharpness.1)
            ),
        ]
    };
    match algorithm {
        Algorithm::Direct => {
            let population = *random.pick(&[8, 12, 16, 24]);
            vec![
                format!("--deviation={:.2}", between(random, 0.03, 1.0)),
                format!("--population={population}"),
                format!("--windows={}", WINDOWS / population),
            ]
        }
        Algorithm::Ppo => by_gradient(random, (1e-3, 3e-2), (1.0, 10.0)),
        Algorithm::Dqn => by_gradient(random, (1e-4, 1e-2), (0.01, 0.5)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tune(flags: &[&str]) -> TuneArgs {
        TuneArgs {
            trials: 9,
            steps: 2,
            tune_seed: 1,
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        }
    }

    #[test]
    fn what_is_drawn_is_understood_by_train_and_differs() {
        for name in ["direct", "ppo", "dqn"] {
            let tune = tune(&["--algorithm", name]);
            let algorithm = tune.parse(&[]).unwrap().algorithm;
            let mut seen = std::collections::BTreeSet::new();
            for trial in 0..20 {
                let mut random = Random::of(1, Purpose::Search, [trial, 0, 0]);
                let flags = drawn(algorithm, &mut random);
                tune.parse(&flags).unwrap();
                seen.insert(flags);
            }
            assert!(seen.len() > 15, "{name}: {seen:?}");
        }
    }

    #[test]
    fn the_last_trains_longest() {
        assert_eq!(tune(&[]).longest(), 18);
    }

    #[test]
    fn flags_that_train_does_not_know_are_refused() {
        let refused = tune(&["--speed", "9"]).parse(&[]).unwrap_err();
        assert!(refused.to_string().contains("--speed"), "{refused}");
        let twice = tune(&["--lr", "0.1"]).parse(&["--lr=1".to_owned()]);
        assert!(twice.is_err(), "what is tuned cannot be given");
    }
}
