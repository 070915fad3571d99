//! When jobs of the model arrive: the day has 48 half hours, with unlike shares of the jobs.

use super::model::{self, Model, ShapeAndScale};
use crate::{
    random::Random,
    trace::Trace,
    workload::intensity::{Intensity, Piece, submit_after},
};

const HALF_HOURS: u32 = 48;
const HALF_HOUR_MS: f64 = 1_800_000.0;

/// The fitted day does not begin at midnight, but with this half hour, counted from 1.
const FIRST_HALF_HOUR: u32 = 11;

/// Logarithms of gaps (in seconds) above are drawn again: five days.
const MOST_LOG_GAP: f64 = 13.0;

/// Slices in which a half hour is integrated.
const SLICES: u32 = 32;

/// The first job arrives at midnight. With a span the gaps are scaled, while the day keeps its 24 hours.
pub(super) fn submit(trace: &mut Trace, model: &Model, span_ms: Option<f64>, random: &mut Random) {
    let (shape, scale) = model.log_gap;
    let log_gap = model::gamma((shape * model.gap_ratio, scale));
    let gap = || loop {
        let log_seconds = random.sample(&log_gap);
        if log_seconds <= MOST_LOG_GAP {
            return log_seconds.exp() * 1_000.0;
        }
    };
    submit_after(trace, span_ms, &day(model.half_hour), gap);
}

/// By half hours from midnight; the mean rate is 1.
fn day(half_hour: ShapeAndScale) -> Intensity {
    let mut shares = [0.0; HALF_HOURS as usize];
    for number in FIRST_HALF_HOUR..FIRST_HALF_HOUR + HALF_HOURS {
        shares[((number - 1) % HALF_HOURS) as usize] = mass(number, half_hour);
    }
    let mean = shares.iter().sum::<f64>() / f64::from(HALF_HOURS);
    let piece = |share: f64| Piece {
        length_ms: HALF_HOUR_MS,
        rate: share / mean,
    };
    Intensity::new(shares.into_iter().map(piece).collect())
}

/// Integral of a gamma density over half hour `number` (from a half before to a half after it), by Simpson's rule, but for
/// a constant factor: only ratios of these count.
fn mass(number: u32, (shape, scale): ShapeAndScale) -> f64 {
    let density = |x: f64| ((shape - 1.0) * x.ln() - x / scale).exp();
    let begin = f64::from(number) - 0.5;
    let width = 1.0 / f64::from(SLICES);
    let slices = (0..SLICES).map(|slice| {
        let from = begin + f64::from(slice) * width;
        density(from) + 4.0 * density(from + width / 2.0) + density(from + width)
    });
    slices.sum::<f64>() * width / 6.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For a shape of 2 the distribution has a closed form: 1 - (1 + x / scale) exp(-x / scale).
    #[test]
    fn half_hours_weigh_what_the_distribution_says() {
        let scale = 9.0;
        let below = |x: f64| 1.0 - (1.0 + x / scale) * (-x / scale).exp();
        for number in [11, 20, 58] {
            let exact = below(f64::from(number) + 0.5) - below(f64::from(number) - 0.5);
            let mass = mass(number, (2.0, scale)) / (scale * scale);
            assert!((mass - exact).abs() < 1e-10, "{mass} is not {exact}");
        }
    }

    #[test]
    fn afternoons_are_busier_than_mornings_before_dawn() {
        let day = day(Model::BATCH.half_hour);
        let hour_ms = 2.0 * HALF_HOUR_MS;
        let arrived = |from: f64, to: f64| day.reading(to * hour_ms) - day.reading(from * hour_ms);
        assert!((arrived(0.0, 24.0) / (24.0 * hour_ms) - 1.0).abs() < 1e-9);
        // Most often in half hour (shape - 1) * scale = 27, which begins at one o'clock in the afternoon.
        assert!(arrived(13.0, 13.5) > arrived(10.0, 10.5));
        assert!(arrived(13.0, 13.5) > arrived(16.0, 16.5));
        assert!(arrived(12.0, 15.0) > 4.0 * arrived(3.0, 6.0));
    }
}
