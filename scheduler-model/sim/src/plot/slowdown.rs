//! Which share of the jobs had at most which bounded slowdown.

use super::{
    PlotError,
    canvas::Look,
    lines::{Line, Lines, steps},
};
use crate::{
    evaluate::{Counted, JudgedJob},
    simulate::Outcome,
};

/// Points of a line: more than pixels serve nobody.
const POINTS: usize = 400;

/// One policy.
#[derive(Clone, Debug, PartialEq)]
pub struct SlowdownSeries {
    pub name: String,
    /// Bounded slowdowns of the jobs that count, at least 1, in any order.
    pub slowdowns: Vec<f64>,
}

impl SlowdownSeries {
    /// Of the jobs of a run that count.
    pub fn of(name: &str, outcome: &Outcome, counted: &Counted) -> Self {
        let judged = JudgedJob::all(outcome, counted);
        Self {
            name: name.to_owned(),
            slowdowns: judged.iter().map(JudgedJob::bounded_slowdown).collect(),
        }
    }
}

/// Cumulative distribution over a logarithmic axis; the further to the upper left, the better.
pub fn slowdown(title: &str, series: &[SlowdownSeries]) -> Result<String, PlotError> {
    let all = series.iter().flat_map(|series| &series.slowdowns);
    let worst = all.copied().fold(0.0, f64::max);
    if worst == 0.0 {
        return Err(PlotError::Nothing {
            title: title.to_owned(),
            remedy: "simulate a trace that has jobs",
        });
    }
    let line = |(place, series): (usize, &SlowdownSeries)| Line {
        name: series.name.clone(),
        look: Look::of(place),
        points: distribution(&series.slowdowns, worst),
        dots: false,
    };
    let drawn = Lines {
        title,
        subtitle: "Share of jobs with at most this bounded slowdown; further up and left is better",
        x_title: "bounded slowdown (logarithmic)".to_owned(),
        y_title: "share of jobs in %".to_owned(),
        x: 1.0..(worst * 1.1).max(2.0),
        y: 0.0..102.0,
        logarithmic: true,
        lines: series.iter().enumerate().map(line).collect(),
    };
    drawn.draw()
}

/// From the share that the least of them have, to the worst of all policies, where every line is at 100 %.
fn distribution(slowdowns: &[f64], worst: f64) -> Vec<(f64, f64)> {
    let mut sorted = slowdowns.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let count = sorted.len().min(POINTS);
    let mut points: Vec<(f64, f64)> = Vec::with_capacity(count + 1);
    for place in 1..=count {
        let jobs = place * sorted.len() / count;
        let (slowdown, percent) = (sorted[jobs - 1], jobs as f64 * 100.0 / sorted.len() as f64);
        match points.last_mut() {
            Some((last, higher)) if *last == slowdown => *higher = percent,
            _ => points.push((slowdown, percent)),
        }
    }
    if !points.is_empty() {
        points.push((worst, 100.0));
    }
    steps(&points)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::synthetic;

    #[test]
    fn only_jobs_that_count_are_drawn() {
        let outcome = synthetic::outcome();
        let drawn = |counted| {
            SlowdownSeries::of("saf", &outcome, &counted)
                .slowdowns
                .len()
        };
        assert_eq!((drawn(Counted::All), drawn(Counted::AfterWarmUp)), (20, 18));
    }

    #[test]
    fn ends_at_all_jobs() {
        let points = distribution(&[1.0, 4.0, 1.0, 2.0, 1.0], 8.0);
        // Three of five have the least.
        assert_eq!(points.first(), Some(&(1.0, 60.0)));
        assert_eq!(points.last(), Some(&(8.0, 100.0)));
        assert!(points.is_sorted_by(|one, next| one.0 <= next.0 && one.1 <= next.1));
    }

    #[test]
    fn long_lists_become_short_lines() {
        let slowdowns: Vec<f64> = (1..=20_000).map(f64::from).collect();
        assert!(distribution(&slowdowns, 20_000.0).len() < 3 * POINTS);
    }

    #[test]
    fn nothing_to_draw() {
        let empty = slowdown("empty", &[]).expect_err("no series");
        assert!(empty.to_string().contains("`empty`"));
        let infinite = SlowdownSeries {
            name: "saf".to_owned(),
            slowdowns: vec![1.0, f64::INFINITY],
        };
        assert!(slowdown("bad", &[infinite]).is_err());
    }
}
