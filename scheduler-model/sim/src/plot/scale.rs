//! Units and numbers along axes.

use std::ops::Range;

/// In which times of a picture are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeUnit {
    pub(super) name: &'static str,
    ms: u64,
}

const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

impl TimeUnit {
    /// The largest of which there are at least three.
    pub(super) fn of(span_ms: u64) -> Self {
        let units = [("days", DAY_MS), ("hours", HOUR_MS), ("minutes", MINUTE_MS)];
        let fits = units.into_iter().find(|(_, ms)| span_ms >= 3 * ms);
        let (name, ms) = fits.unwrap_or(("seconds", SECOND_MS));
        Self { name, ms }
    }

    pub(super) fn value(self, ms: u64) -> f64 {
        ms as f64 / self.ms as f64
    }
}

/// At most two decimals, and none that are 0.
pub(super) fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// A little more than the largest, so that nothing touches the frame; 1 for nothing.
pub(super) fn headroom(largest: f64) -> f64 {
    if largest > 0.0 { largest * 1.05 } else { 1.0 }
}

/// From a little under the least to a little over the largest; never below 0. For lines, whose changes matter more than
/// their distance from 0.
pub(super) fn around(values: impl Iterator<Item = f64> + Clone) -> Range<f64> {
    let least = values.clone().fold(f64::INFINITY, f64::min);
    let largest = values.fold(0.0, f64::max);
    let span = (largest - least).max(largest * 0.1).max(f64::MIN_POSITIVE);
    (least - 0.05 * span).max(0.0)..largest + 0.05 * span
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_follow_the_span() {
        assert_eq!(TimeUnit::of(179_999).name, "seconds");
        assert_eq!(TimeUnit::of(180_000).name, "minutes");
        assert_eq!(TimeUnit::of(3 * HOUR_MS).name, "hours");
        let days = TimeUnit::of(10 * DAY_MS);
        assert_eq!((days.name, days.value(36 * HOUR_MS)), ("days", 1.5));
    }

    #[test]
    fn small_changes_of_large_numbers_are_seen() {
        let range = around([80.0, 100.0].into_iter());
        assert_eq!(range, 79.0..101.0);
        let flat = around([10.0].into_iter());
        assert!(flat.start < 10.0 && flat.end > 10.0);
        assert_eq!(around([1.0, 100.0].into_iter()).start, 0.0);
    }

    #[test]
    fn numbers_are_short() {
        let texts = [0.5, 12.0, 1_000_000.0, 0.333, -0.001, 100.0].map(short);
        assert_eq!(texts, ["0.5", "12", "1000000", "0.33", "0", "100"]);
    }
}
