use drover_sim::random::Random;

use super::strategy::ranked;

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;

/// Evolution strategies (Salimans et al., "Evolution Strategies as a Scalable Alternative to Reinforcement Learning",
/// 2017): mirrored sampling, costs replaced by their ranks, and Adam on the gradient that follows.
#[derive(Debug)]
pub(super) struct Evolution {
    pub(super) centre: Vec<f64>,
    pub(super) deviation: f64,
    learning_rate: f64,
    step: f64,
    first_moment: Vec<f64>,
    second_moment: Vec<f64>,
}

impl Evolution {
    pub(super) fn new(centre: Vec<f64>, deviation: f64, learning_rate: f64) -> Self {
        let zeros = vec![0.0; centre.len()];
        Self {
            centre,
            deviation,
            learning_rate,
            step: 0.0,
            first_moment: zeros.clone(),
            second_moment: zeros,
        }
    }

    /// Each with its mirror image behind it; of an odd number the last has none.
    pub(super) fn draw(&self, count: usize, random: &mut Random) -> Vec<Vec<f64>> {
        let mut population = Vec::with_capacity(count + 1);
        while population.len() < count {
            let noise: Vec<f64> = self
                .centre
                .iter()
                .map(|_| self.deviation * random.normal())
                .collect();
            let at = |sign: f64| {
                self.centre
                    .iter()
                    .zip(&noise)
                    .map(|(centre, noise)| centre + sign * noise)
                    .collect()
            };
            population.push(at(1.0));
            population.push(at(-1.0));
        }
        population.truncate(count);
        population
    }

    pub(super) fn learn(&mut self, population: &[Vec<f64>], costs: &[f64]) {
        let mut gradient = vec![0.0; self.centre.len()];
        let last = (costs.len() - 1).max(1) as f64;
        for (rank, place) in ranked(costs).into_iter().enumerate() {
            let weight = rank as f64 / last - 0.5;
            for ((sum, value), centre) in gradient
                .iter_mut()
                .zip(&population[place])
                .zip(&self.centre)
            {
                *sum += weight * (value - centre) / (self.deviation * costs.len() as f64);
            }
        }
        self.step += 1.0;
        for (place, gradient) in gradient.into_iter().enumerate() {
            let (first, second) = (
                &mut self.first_moment[place],
                &mut self.second_moment[place],
            );
            *first = BETA_1 * *first + (1.0 - BETA_1) * gradient;
            *second = BETA_2 * *second + (1.0 - BETA_2) * gradient * gradient;
            let first = *first / (1.0 - BETA_1.powf(self.step));
            let second = *second / (1.0 - BETA_2.powf(self.step));
            self.centre[place] -= self.learning_rate * first / (second.sqrt() + 1e-8);
        }
    }

    pub(super) fn state(&self) -> Vec<f64> {
        [
            &[self.step][..],
            &self.centre,
            &self.first_moment,
            &self.second_moment,
        ]
        .concat()
    }

    pub(super) fn restore(&mut self, state: &[f64]) {
        let count = self.centre.len();
        self.step = state[0];
        self.centre.copy_from_slice(&state[1..][..count]);
        self.first_moment
            .copy_from_slice(&state[1 + count..][..count]);
        self.second_moment
            .copy_from_slice(&state[1 + 2 * count..][..count]);
    }
}
