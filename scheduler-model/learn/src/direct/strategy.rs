use drover_sim::random::Random;

use super::{Method, Settings, covariance::CovarianceAdaptation, evolution::Evolution};
use crate::LearnError;

/// Draws a population around its centre, and moves by what it cost.
#[derive(Debug)]
pub(super) enum Strategy {
    Covariance(Box<CovarianceAdaptation>),
    Evolution(Evolution),
}

impl Strategy {
    pub(super) fn new(centre: Vec<f64>, settings: &Settings) -> Self {
        let Settings {
            population,
            deviation,
            ..
        } = *settings;
        let covariance = |centre, is_diagonal| {
            let strategy = CovarianceAdaptation::new(centre, deviation, population, is_diagonal);
            Self::Covariance(Box::new(strategy))
        };
        match settings.method {
            Method::Covariance => covariance(centre, false),
            Method::Diagonal => covariance(centre, true),
            Method::Evolution { learning_rate } => {
                Self::Evolution(Evolution::new(centre, deviation, learning_rate))
            }
        }
    }

    pub(super) fn draw(&self, count: usize, random: &mut Random) -> Vec<Vec<f64>> {
        match self {
            Self::Covariance(strategy) => strategy.draw(count, random),
            Self::Evolution(strategy) => strategy.draw(count, random),
        }
    }

    pub(super) fn learn(&mut self, population: &[Vec<f64>], costs: &[f64]) {
        match self {
            Self::Covariance(strategy) => strategy.learn(population, costs),
            Self::Evolution(strategy) => strategy.learn(population, costs),
        }
    }

    pub(super) fn centre(&self) -> &[f64] {
        match self {
            Self::Covariance(strategy) => strategy.centre(),
            Self::Evolution(strategy) => &strategy.centre,
        }
    }

    pub(super) fn deviation(&self) -> f64 {
        match self {
            Self::Covariance(strategy) => strategy.deviation,
            Self::Evolution(strategy) => strategy.deviation,
        }
    }

    /// All that changes, in a fixed order.
    pub(super) fn state(&self) -> Vec<f64> {
        match self {
            Self::Covariance(strategy) => strategy.state(),
            Self::Evolution(strategy) => strategy.state(),
        }
    }

    /// # Errors
    /// A state of another method or network.
    pub(super) fn restore(&mut self, state: &[f64]) -> Result<(), LearnError> {
        let (found, expected) = (state.len(), self.state().len());
        if found != expected {
            return Err(LearnError::Checkpoint(format!(
                "its search has {found} numbers, and this method and network need {expected}"
            )));
        }
        match self {
            Self::Covariance(strategy) => strategy.restore(state),
            Self::Evolution(strategy) => strategy.restore(state),
        }
        Ok(())
    }
}

/// Places in order of cost, the lowest first; of equals the first drawn.
pub(super) fn ranked(costs: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by(|left, right| costs[*left].total_cmp(&costs[*right]));
    order
}

#[cfg(test)]
mod tests {
    use drover_sim::random::Purpose;

    use super::*;

    /// Narrow and turned: steps of one length in every direction do not get far.
    fn valley(point: &[f64]) -> f64 {
        let pairs = point
            .windows(2)
            .map(|pair| 1e3 * (pair[0] - 0.9 * pair[1] - 0.1).powi(2));
        pairs.sum::<f64>() + (point[0] - 1.0).powi(2)
    }

    fn searched(method: Method, generations: u64) -> Strategy {
        let settings = Settings {
            method,
            population: 16,
            deviation: 0.3,
            ..Settings::default()
        };
        let mut strategy = Strategy::new(vec![0.0; 6], &settings);
        for generation in 0..generations {
            step(&mut strategy, generation);
        }
        strategy
    }

    fn step(strategy: &mut Strategy, generation: u64) {
        let mut random = Random::of(1, Purpose::Search, [generation, 0, 0]);
        let population = strategy.draw(16, &mut random);
        let costs: Vec<f64> = population.iter().map(|point| valley(point)).collect();
        strategy.learn(&population, &costs);
    }

    #[test]
    fn the_covariance_finds_the_end_of_a_valley() {
        let before = valley(&[0.0; 6]);
        let full = valley(searched(Method::Covariance, 200).centre());
        assert!(full < 1e-6, "{full}");
        let diagonal = valley(searched(Method::Diagonal, 200).centre());
        assert!(diagonal < before / 10.0, "{diagonal}");
        let evolution = valley(
            searched(
                Method::Evolution {
                    learning_rate: 0.03,
                },
                200,
            )
            .centre(),
        );
        assert!(evolution < before / 2.0, "{evolution}");
    }

    #[test]
    fn a_restored_search_goes_on_as_if_it_had_not_ended() {
        for method in [
            Method::Covariance,
            Method::Diagonal,
            Method::Evolution { learning_rate: 0.1 },
        ] {
            let mut strategy = searched(method, 20);
            let mut restored = searched(method, 0);
            restored.restore(&strategy.state()).unwrap();
            step(&mut strategy, 20);
            step(&mut restored, 20);
            assert_eq!(strategy.state(), restored.state(), "{method:?}");
            assert!(restored.restore(&[0.0]).is_err());
        }
    }
}
