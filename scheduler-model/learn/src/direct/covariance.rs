use drover_sim::random::Random;
use nalgebra::{DMatrix, DVector};

use super::strategy::ranked;

/// Covariance matrix adaptation (Hansen, "The CMA Evolution Strategy: A Tutorial", 2016, figure 6), with its names for
/// the constants; with a diagonal matrix that of Ros and Hansen ("A Simple Modification in CMA-ES Achieving Linear Time
/// and Space Complexity", PPSN 2008).
#[derive(Debug)]
pub(super) struct CovarianceAdaptation {
    constants: Constants,
    centre: DVector<f64>,
    /// Step size, sigma.
    pub(super) deviation: f64,
    generation: f64,
    step_path: DVector<f64>,
    covariance_path: DVector<f64>,
    covariance: Covariance,
}

#[derive(Debug)]
struct Constants {
    /// Of the better half, the best first.
    weights: Vec<f64>,
    mu_eff: f64,
    c_sigma: f64,
    d_sigma: f64,
    c_c: f64,
    c_1: f64,
    c_mu: f64,
    /// Expected length of a standard normal vector.
    chi: f64,
}

#[derive(Debug)]
enum Covariance {
    Full {
        matrix: DMatrix<f64>,
        /// Its eigenvectors, and the square roots of its eigenvalues.
        basis: DMatrix<f64>,
        lengths: DVector<f64>,
    },
    Diagonal(DVector<f64>),
}

impl CovarianceAdaptation {
    pub(super) fn new(
        centre: Vec<f64>,
        deviation: f64,
        population: usize,
        is_diagonal: bool,
    ) -> Self {
        let count = centre.len();
        let zeros = DVector::zeros(count);
        Self {
            constants: Constants::new(count as f64, population, is_diagonal),
            centre: DVector::from_vec(centre),
            deviation,
            generation: 0.0,
            step_path: zeros.clone(),
            covariance_path: zeros,
            covariance: match is_diagonal {
                true => Covariance::Diagonal(DVector::repeat(count, 1.0)),
                false => Covariance::full(DMatrix::identity(count, count)),
            },
        }
    }

    pub(super) fn centre(&self) -> &[f64] {
        self.centre.as_slice()
    }

    pub(super) fn draw(&self, count: usize, random: &mut Random) -> Vec<Vec<f64>> {
        let mut draw = || {
            let noise = DVector::from_fn(self.centre.len(), |_, _| random.normal());
            let point = &self.centre + self.covariance.coloured(&noise) * self.deviation;
            point.as_slice().to_vec()
        };
        (0..count).map(|_| draw()).collect()
    }

    pub(super) fn learn(&mut self, population: &[Vec<f64>], costs: &[f64]) {
        let Constants {
            mu_eff,
            c_sigma,
            d_sigma,
            c_c,
            c_1,
            c_mu,
            chi,
            ..
        } = self.constants;
        let best = ranked(costs).into_iter().take(self.constants.weights.len());
        let steps: Vec<DVector<f64>> = best
            .map(|place| {
                (DVector::from_column_slice(&population[place]) - &self.centre) / self.deviation
            })
            .collect();
        let mut mean = DVector::zeros(self.centre.len());
        for (step, weight) in steps.iter().zip(&self.constants.weights) {
            mean += step * *weight;
        }
        self.centre += &mean * self.deviation;
        self.generation += 1.0;
        let white = self.covariance.whitened(&mean);
        self.step_path =
            &self.step_path * (1.0 - c_sigma) + white * (c_sigma * (2.0 - c_sigma) * mu_eff).sqrt();
        let length = self.step_path.norm();
        let settled = (1.0 - (1.0 - c_sigma).powf(2.0 * self.generation)).sqrt();
        let is_steady = length / settled < (1.4 + 2.0 / (self.centre.len() as f64 + 1.0)) * chi;
        let gain = if is_steady {
            (c_c * (2.0 - c_c) * mu_eff).sqrt()
        } else {
            0.0
        };
        self.covariance_path = &self.covariance_path * (1.0 - c_c) + mean * gain;
        let lost = if is_steady { 0.0 } else { c_c * (2.0 - c_c) };
        let kept = 1.0 - c_1 - c_mu + c_1 * lost;
        let parts = steps
            .iter()
            .zip(self.constants.weights.iter().map(|weight| c_mu * weight));
        let parts = std::iter::once((&self.covariance_path, c_1)).chain(parts);
        self.covariance.update(kept, parts);
        self.deviation *= ((c_sigma / d_sigma) * (length / chi - 1.0)).min(1.0).exp();
    }

    pub(super) fn state(&self) -> Vec<f64> {
        let covariance = match &self.covariance {
            Covariance::Full { matrix, .. } => matrix.as_slice(),
            Covariance::Diagonal(variances) => variances.as_slice(),
        };
        let first = [self.deviation, self.generation];
        let (step, path) = (self.step_path.as_slice(), self.covariance_path.as_slice());
        [&first, self.centre(), step, path, covariance].concat()
    }

    pub(super) fn restore(&mut self, state: &[f64]) {
        let count = self.centre.len();
        let (first, rest) = state.split_at(2);
        let vector = |place: usize| DVector::from_column_slice(&rest[place * count..][..count]);
        (self.deviation, self.generation) = (first[0], first[1]);
        self.centre = vector(0);
        self.step_path = vector(1);
        self.covariance_path = vector(2);
        let rest = &rest[3 * count..];
        self.covariance = match &self.covariance {
            Covariance::Full { .. } => {
                Covariance::full(DMatrix::from_column_slice(count, count, rest))
            }
            Covariance::Diagonal(_) => Covariance::Diagonal(DVector::from_column_slice(rest)),
        };
    }
}

impl Constants {
    /// Table 1 of the tutorial, without negative weights.
    fn new(n: f64, population: usize, is_diagonal: bool) -> Self {
        let better = (population / 2).max(1);
        let middle = (population as f64 / 2.0 + 0.5).ln();
        let raw: Vec<f64> = (1..=better)
            .map(|rank| (middle - (rank as f64).ln()).max(1e-9))
            .collect();
        let sum: f64 = raw.iter().sum();
        let weights: Vec<f64> = raw.iter().map(|weight| weight / sum).collect();
        let mu_eff = 1.0 / weights.iter().map(|weight| weight * weight).sum::<f64>();
        let c_sigma = (mu_eff + 2.0) / (n + mu_eff + 5.0);
        // A diagonal has fewer numbers to learn, and learns them faster.
        let faster = if is_diagonal { (n + 2.0) / 3.0 } else { 1.0 };
        let c_1 = (faster * 2.0 / ((n + 1.3).powi(2) + mu_eff)).min(0.5);
        let c_mu = faster * 2.0 * (mu_eff - 2.0 + 1.0 / mu_eff) / ((n + 2.0).powi(2) + mu_eff);
        Self {
            mu_eff,
            c_sigma,
            d_sigma: 1.0 + 2.0 * (((mu_eff - 1.0) / (n + 1.0)).sqrt() - 1.0).max(0.0) + c_sigma,
            c_c: (4.0 + mu_eff / n) / (n + 4.0 + 2.0 * mu_eff / n),
            c_1,
            c_mu: c_mu.clamp(0.0, 1.0 - c_1),
            chi: n.sqrt() * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n)),
            weights,
        }
    }
}

impl Covariance {
    fn full(matrix: DMatrix<f64>) -> Self {
        let eigen = matrix.clone().symmetric_eigen();
        Self::Full {
            basis: eigen.eigenvectors,
            lengths: eigen.eigenvalues.map(|value| value.max(1e-20).sqrt()),
            matrix,
        }
    }

    /// A standard normal vector becomes one with this covariance.
    fn coloured(&self, noise: &DVector<f64>) -> DVector<f64> {
        match self {
            Self::Full { basis, lengths, .. } => basis * noise.component_mul(lengths),
            Self::Diagonal(variances) => noise.component_mul(&variances.map(f64::sqrt)),
        }
    }

    /// The way back, up to a rotation that changes no length.
    fn whitened(&self, step: &DVector<f64>) -> DVector<f64> {
        match self {
            Self::Full { basis, lengths, .. } => basis * basis.tr_mul(step).component_div(lengths),
            Self::Diagonal(variances) => step.component_div(&variances.map(f64::sqrt)),
        }
    }

    fn update<'a>(&mut self, kept: f64, parts: impl Iterator<Item = (&'a DVector<f64>, f64)>) {
        match self {
            Self::Full { matrix, .. } => {
                *matrix *= kept;
                for (step, weight) in parts {
                    matrix.ger(weight, step, step, 1.0);
                }
                *self = Self::full((&*matrix + matrix.transpose()) * 0.5);
            }
            Self::Diagonal(variances) => {
                *variances *= kept;
                for (step, weight) in parts {
                    *variances += step.component_mul(step) * weight;
                }
            }
        }
    }
}
