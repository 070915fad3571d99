//! How sure a difference is: the percentile bootstrap (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993,
//! section 13.3), over runs.
//!
//! Two policies are compared on the same seeds or windows, in pairs: what one workload makes hard for both cancels out.

use serde::Serialize;

use super::quantile_of;
use crate::random::{Purpose, Random};

/// B: with so many, the ends of an interval move by about a hundredth of its length between streams.
pub const RESAMPLES: u32 = 10_000;

/// Two-sided.
const CONFIDENCE: f64 = 0.95;

/// From `low` to `high` with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// A policy against a baseline on the same runs. Differences are the policy's minus the baseline's: below 0 is better
/// where lower is better.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PairedComparison {
    pub pairs: u32,
    pub difference: f64,
    /// Of the mean difference. `None` for fewer than two pairs.
    pub interval: Option<Interval>,
    /// The mean difference by the baseline's mean; `None` where that is 0.
    pub relative_difference: Option<f64>,
    pub relative_interval: Option<Interval>,
}

impl Interval {
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

impl PairedComparison {
    /// Whether the difference is not by chance, as far as these runs say.
    pub fn is_sure(&self) -> bool {
        self.interval
            .is_some_and(|interval| !interval.contains(0.0))
    }
}

/// Compares pair by pair. `None` without pairs.
///
/// # Panics
/// When the lists are not of the same length.
pub fn compare(values: &[f64], baseline: &[f64], seed: u64) -> Option<PairedComparison> {
    assert_eq!(values.len(), baseline.len(), "they come in pairs");
    let pairs: Vec<(f64, f64)> = values
        .iter()
        .zip(baseline)
        .map(|(value, baseline)| (value - baseline, *baseline))
        .collect();
    let (difference, baseline_mean) = means(pairs.iter().copied())?;
    let resampled = resample(&pairs, seed, RESAMPLES);
    let relative = (baseline_mean != 0.0).then(|| difference / baseline_mean);
    Some(PairedComparison {
        pairs: pairs.len() as u32,
        difference,
        interval: percentiles(resampled.iter().map(|(difference, _)| *difference)),
        relative_difference: relative,
        relative_interval: relative.and_then(|_| {
            percentiles(resampled.iter().map(|(difference, mean)| difference / mean))
        }),
    })
}

/// Of the mean of values that stand alone. `None` for fewer than two.
pub fn mean_interval(values: &[f64], seed: u64) -> Option<Interval> {
    let pairs: Vec<(f64, f64)> = values.iter().map(|value| (*value, 0.0)).collect();
    let resampled = resample(&pairs, seed, RESAMPLES);
    percentiles(resampled.into_iter().map(|(mean, _)| mean))
}

/// Means of so many samples of the same size, drawn with replacement. None from fewer than two pairs, which say nothing of
/// how they vary.
fn resample(pairs: &[(f64, f64)], seed: u64, times: u32) -> Vec<(f64, f64)> {
    if pairs.len() < 2 {
        return Vec::new();
    }
    let mut random = Random::new(seed, Purpose::Bootstrap);
    let sample = |_| means((0..pairs.len()).map(|_| *random.pick(pairs)));
    (0..times).filter_map(sample).collect()
}

fn means(pairs: impl ExactSizeIterator<Item = (f64, f64)>) -> Option<(f64, f64)> {
    let count = pairs.len() as f64;
    let sums = pairs.reduce(|sum, pair| (sum.0 + pair.0, sum.1 + pair.1))?;
    Some((sums.0 / count, sums.1 / count))
}

/// `None` where there is nothing, or a ratio to nothing.
fn percentiles(values: impl Iterator<Item = f64>) -> Option<Interval> {
    let mut sorted: Vec<f64> = values.collect();
    if sorted.is_empty() || sorted.iter().any(|value| !value.is_finite()) {
        return None;
    }
    sorted.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - CONFIDENCE) / 2.0;
    Some(Interval {
        low: quantile_of(&sorted, tail),
        high: quantile_of(&sorted, 1.0 - tail),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days that seven treated mice survived: Efron and Tibshirani's table 2.1.
    const TREATED: [f64; 7] = [94.0, 197.0, 16.0, 38.0, 99.0, 141.0, 23.0];

    #[test]
    fn known_data() {
        let interval = mean_interval(&TREATED, 1).expect("seven values");
        let mean = TREATED.iter().sum::<f64>() / 7.0;
        assert!(interval.contains(mean));
        // The bootstrap's standard error is the plug-in estimate, 23.36 for these (section 6.2); of a nearly normal mean,
        // the interval is 2 x 1.96 of it long.
        let length = interval.high - interval.low;
        assert!((length - 2.0 * 1.96 * 23.36).abs() < 4.0, "{length}");
    }

    #[test]
    fn pairs_cancel_what_they_share() {
        let baseline: Vec<f64> = (1..=30).map(|run| f64::from(run * run)).collect();
        let better: Vec<f64> = baseline.iter().map(|value| value * 0.9).collect();
        let comparison = compare(&better, &baseline, 3).expect("thirty pairs");
        let relative = comparison.relative_difference.expect("not by 0");
        assert!((relative + 0.1).abs() < 1e-12);
        let interval = comparison.relative_interval.expect("not by 0");
        assert!((interval.high - interval.low).abs() < 1e-12);
        assert!(comparison.is_sure());
        assert!(!compare(&baseline, &baseline, 3).expect("pairs").is_sure());
    }

    #[test]
    fn few_pairs() {
        let one = compare(&[3.0], &[2.0], 1).expect("a pair");
        assert_eq!((one.difference, one.interval), (1.0, None));
        assert_eq!(one.relative_difference, Some(0.5));
        assert_eq!(compare(&[], &[], 1), None);
        let by_nothing = compare(&[1.0, 2.0], &[0.0, 0.0], 1).expect("pairs");
        assert_eq!(by_nothing.relative_difference, None);
        assert!(by_nothing.interval.is_some());
    }

    #[test]
    fn equal_seeds_give_equal_intervals() {
        assert_eq!(mean_interval(&TREATED, 5), mean_interval(&TREATED, 5));
        assert_ne!(mean_interval(&TREATED, 5), mean_interval(&TREATED, 6));
    }

    #[test]
    fn nineteen_of_twenty_intervals_hold_the_truth() {
        let mut random = Random::new(11, Purpose::Checks);
        let (samples, truth) = (1_000, 0.7);
        let mut covers = |seed: u64| {
            let pairs: Vec<(f64, f64)> = (0..40).map(|_| (truth + random.normal(), 0.0)).collect();
            let means = resample(&pairs, seed, 1_000);
            let interval = percentiles(means.into_iter().map(|(mean, _)| mean));
            interval.expect("forty pairs").contains(truth)
        };
        let covered = (0..samples).filter(|seed| covers(*seed)).count();
        // A percentile interval of 40 values covers about 94 %; three standard errors are 2 %.
        assert!((920..=970).contains(&covered), "{covered} of {samples}");
    }
}
