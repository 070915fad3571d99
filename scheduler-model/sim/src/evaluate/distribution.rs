//! Middle and tails of a list of numbers.

use serde::Serialize;

/// Five numbers that stand for many. All 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Distribution {
    pub mean: f64,
    pub median: f64,
    pub p95: f64,
    pub p99: f64,
    pub max: f64,
}

impl Distribution {
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        let Some(last) = sorted.len().checked_sub(1) else {
            return Self::default();
        };
        sorted.sort_unstable_by(f64::total_cmp);
        Self {
            mean: sorted.iter().sum::<f64>() / sorted.len() as f64,
            median: quantile_of(&sorted, 0.50),
            p95: quantile_of(&sorted, 0.95),
            p99: quantile_of(&sorted, 0.99),
            max: sorted[last],
        }
    }
}

/// Linear between the two values around place `share * (n - 1)` of the sorted list: definition 7 of Hyndman and Fan,
/// "Sample quantiles in statistical packages", The American Statistician 50(4), 1996; the default of NumPy and R.
/// `None` without values. `share` from 0 to 1.
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    (!sorted.is_empty()).then(|| quantile_of(&sorted, share))
}

/// The same of a list that is sorted and not empty.
pub(super) fn quantile_of(sorted: &[f64], share: f64) -> f64 {
    let place = share.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = place.ceil() as usize;
    let part = place - below as f64;
    sorted[below] + part * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_numpy_has_it() {
        let values = [7.0, 1.0, 3.0, 10.0];
        assert_eq!(quantile(&values, 0.5), Some(5.0));
        assert!((quantile(&values, 0.95).unwrap() - 9.55).abs() < 1e-12);
        assert_eq!(quantile(&values, 0.0), Some(1.0));
        assert_eq!(quantile(&values, 1.0), Some(10.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn five_numbers() {
        let distribution = Distribution::of((1..=101).rev().map(f64::from));
        assert_eq!(
            distribution,
            Distribution {
                mean: 51.0,
                median: 51.0,
                p95: 96.0,
                p99: 100.0,
                max: 101.0
            }
        );
        assert_eq!(Distribution::of([]), Distribution::default());
    }
}
