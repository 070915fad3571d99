//! How many tasks waited, over time.

use super::{
    PlotError,
    canvas::Look,
    lines::{Line, Lines, steps},
    scale::{TimeUnit, headroom},
};
use crate::simulate::QueueSample;

/// Parts of time that are told apart: about one a pixel.
const COLUMNS: u64 = 800;

/// One policy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QueueSeries<'a> {
    pub name: &'a str,
    /// Ascending in time.
    pub samples: &'a [QueueSample],
}

/// The longest queue of each 800th of the time.
pub fn queue(title: &str, series: &[QueueSeries<'_>]) -> Result<String, PlotError> {
    let samples = || series.iter().flat_map(|series| series.samples);
    let end_ms = samples().map(|sample| sample.at_ms).max();
    let Some(end_ms) = end_ms.filter(|end_ms| *end_ms > 0) else {
        return Err(PlotError::Nothing {
            title: title.to_owned(),
            remedy: "simulate with queue samples",
        });
    };
    let longest = samples().map(|sample| sample.waiting).max().unwrap_or(0);
    let unit = TimeUnit::of(end_ms);
    let line = |(place, series): (usize, &QueueSeries<'_>)| Line {
        name: series.name.to_owned(),
        look: Look::of(place),
        points: steps(&peaks(series.samples, end_ms, unit)),
        dots: false,
    };
    let drawn = Lines {
        title,
        subtitle: "Tasks that could start and had no node",
        x_title: format!("time in {}", unit.name),
        y_title: "waiting tasks".to_owned(),
        x: 0.0..unit.value(end_ms),
        y: 0.0..headroom(f64::from(longest)),
        logarithmic: false,
        lines: series.iter().enumerate().map(line).collect(),
    };
    drawn.draw()
}

/// The first sample of each part of time, raised to the longest queue in it.
fn peaks(samples: &[QueueSample], end_ms: u64, unit: TimeUnit) -> Vec<(f64, f64)> {
    let part_ms = (end_ms / COLUMNS).max(1);
    let mut peaks: Vec<(u64, f64, f64)> = Vec::new();
    for sample in samples {
        let part = sample.at_ms / part_ms;
        let waiting = f64::from(sample.waiting);
        match peaks.last_mut() {
            Some((last, _, peak)) if *last == part => *peak = peak.max(waiting),
            _ => peaks.push((part, unit.value(sample.at_ms), waiting)),
        }
    }
    peaks.into_iter().map(|(_, at, peak)| (at, peak)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_survive() {
        let sample = |at_ms: u64| QueueSample {
            at_ms,
            waiting: if at_ms == 500_001 { 77 } else { 3 },
            running: 0,
        };
        let mut spiked: Vec<QueueSample> = (0..1_000_000).step_by(7).map(sample).collect();
        spiked.insert(71_429, sample(500_001));
        let points = peaks(&spiked, 1_000_000, TimeUnit::of(1_000_000));
        assert!(points.len() <= COLUMNS as usize + 1);
        assert_eq!(points.iter().filter(|(_, peak)| *peak == 77.0).count(), 1);
    }

    #[test]
    fn nothing_to_draw() {
        let series = QueueSeries {
            name: "saf",
            samples: &[],
        };
        assert!(matches!(
            queue("empty", &[series]),
            Err(PlotError::Nothing { .. })
        ));
    }
}
