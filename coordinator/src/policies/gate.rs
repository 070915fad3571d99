//! Whether a candidate may take the place of the policy in use, judged by how both did on the same windows of traffic.
//!
//! It may if it is better with confidence, and not worse in what a mean hides:
//!
//! - the 95 % bootstrap interval of the mean difference of J, paired by window ([`evaluate::compare`]), lies below zero;
//! - the 99th percentile of slowdown and the longest wait, each averaged over the windows, are at most [`TAIL_LIMIT`]
//!   larger than those of the policy in use;
//! - the share of missed deadlines, averaged likewise, is at most [`MISS_LIMIT`] larger.
//!
//! The figures are those of whoever offers the candidate, a learner that is trusted as operators are; the conclusion is
//! drawn here.

use std::fmt;

use drover_sim::evaluate::{self, Interval};

/// As a part of what the policy in use has.
const TAIL_LIMIT: f64 = 0.05;
/// Half of a percentage point.
const MISS_LIMIT: f64 = 0.005;

pub(crate) const FEWEST_WINDOWS: usize = 10;
pub(crate) const MOST_WINDOWS: usize = 10_000;

/// Equal evidence has equal verdicts.
const SEED: u64 = 1;

/// How a policy did in one window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figures {
    /// J ([`evaluate::objective`]).
    pub(crate) objective: f64,
    pub(crate) p99_slowdown: f64,
    /// Of the jobs with deadlines, 0 to 1.
    pub(crate) miss_share: f64,
    pub(crate) longest_wait_s: f64,
}

/// Two policies on the same window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pair {
    pub(crate) candidate: Figures,
    pub(crate) incumbent: Figures,
}

/// What follows from the evidence.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    Better(Interval),
    /// The interval reaches to zero or beyond. `None`: there is none.
    NotSure(Option<Interval>),
    /// A mean over the windows, of the candidate and of the policy in use.
    WorseTail {
        what: &'static str,
        candidate: f64,
        incumbent: f64,
    },
}

/// At least two windows.
pub(crate) fn judge(pairs: &[Pair]) -> Verdict {
    let [candidate, incumbent] = columns(pairs, |figures| figures.objective);
    let comparison = evaluate::compare(&candidate, &incumbent, SEED);
    let interval = comparison.and_then(|comparison| comparison.interval);
    let better = match interval {
        Some(interval) if interval.high < 0.0 => interval,
        interval => return Verdict::NotSure(interval),
    };
    let by_part = |mean: f64| mean * (1.0 + TAIL_LIMIT);
    let by_points = |mean: f64| mean + MISS_LIMIT;
    worse(
        "99th percentile of slowdown",
        pairs,
        |it| it.p99_slowdown,
        by_part,
    )
    .or_else(|| {
        worse(
            "longest wait in seconds",
            pairs,
            |it| it.longest_wait_s,
            by_part,
        )
    })
    .or_else(|| {
        worse(
            "share of missed deadlines",
            pairs,
            |it| it.miss_share,
            by_points,
        )
    })
    .unwrap_or(Verdict::Better(better))
}

fn columns(pairs: &[Pair], figure: impl Fn(&Figures) -> f64) -> [Vec<f64>; 2] {
    let of = |side: fn(&Pair) -> &Figures| pairs.iter().map(|pair| figure(side(pair))).collect();
    [of(|pair| &pair.candidate), of(|pair| &pair.incumbent)]
}

fn worse(
    what: &'static str,
    pairs: &[Pair],
    figure: impl Fn(&Figures) -> f64,
    limit: impl Fn(f64) -> f64,
) -> Option<Verdict> {
    let means =
        columns(pairs, figure).map(|column| column.iter().sum::<f64>() / column.len() as f64);
    let [candidate, incumbent] = means;
    (candidate > limit(incumbent)).then_some(Verdict::WorseTail {
        what,
        candidate,
        incumbent,
    })
}

impl Verdict {
    pub(crate) fn is_better(&self) -> bool {
        matches!(self, Self::Better(_))
    }
}

/// For the history.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Better(Interval { low, high }) => write!(
                f,
                "better: J differs by {low:.3} to {high:.3} with 95 % confidence, and no tail is worse"
            ),
            Self::NotSure(Some(Interval { low, high })) => write!(
                f,
                "not better with confidence: J differs by {low:.3} to {high:.3}, which has to lie below zero"
            ),
            Self::NotSure(None) => {
                f.write_str("not better with confidence: the windows do not say")
            }
            Self::WorseTail {
                what,
                candidate,
                incumbent,
            } => write!(
                f,
                "worse in the tail: {what} {candidate:.3}, and {incumbent:.3} in use"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Figures = Figures {
        objective: 10.0,
        p99_slowdown: 80.0,
        miss_share: 0.2,
        longest_wait_s: 4_000.0,
    };

    /// Twelve windows, of which some are harder for both; J of the candidate is lower by 1 to 2, but for `change`.
    fn windows(change: impl Fn(usize, &mut Figures)) -> Vec<Pair> {
        let window = |number: usize| {
            let incumbent = Figures {
                objective: USUAL.objective + number as f64,
                ..USUAL
            };
            let mut candidate = Figures {
                objective: incumbent.objective - 1.0 - (number % 2) as f64,
                ..incumbent
            };
            change(number, &mut candidate);
            Pair {
                candidate,
                incumbent,
            }
        };
        (0..12).map(window).collect()
    }

    #[test]
    fn better_in_every_window_is_better() {
        let verdict = judge(&windows(|_, _| ()));
        let Verdict::Better(interval) = verdict else {
            panic!("{verdict}");
        };
        assert!(-2.0 < interval.low && interval.high < -1.0, "{interval:?}");
    }

    #[test]
    fn better_by_chance_is_not() {
        // Much better in one window, a little worse in the others: the mean is better.
        let verdict = judge(&windows(|number, candidate| {
            candidate.objective = if number == 0 {
                4.0
            } else {
                10.1 + number as f64
            };
        }));
        assert!(matches!(verdict, Verdict::NotSure(Some(_))), "{verdict}");
        let same = judge(&windows(|number, candidate| {
            candidate.objective = USUAL.objective + number as f64;
        }));
        assert!(!same.is_better(), "{same}");
    }

    #[test]
    fn a_worse_tail_is_refused_for_what_it_is() {
        type Change = fn(&mut Figures);
        let cases: [(&str, Change, Change); 3] = [
            (
                "slowdown",
                |it| it.p99_slowdown = 83.9,
                |it| it.p99_slowdown = 84.1,
            ),
            (
                "wait",
                |it| it.longest_wait_s = 4_199.0,
                |it| it.longest_wait_s = 4_201.0,
            ),
            (
                "deadlines",
                |it| it.miss_share = 0.2049,
                |it| it.miss_share = 0.2051,
            ),
        ];
        for (name, within, beyond) in cases {
            assert!(judge(&windows(|_, it| within(it))).is_better(), "{name}");
            let verdict = judge(&windows(|_, it| beyond(it)));
            let Verdict::WorseTail { what, .. } = verdict else {
                panic!("{name}: {verdict}");
            };
            assert!(what.contains(name), "{what}");
        }
    }

    #[test]
    fn a_verdict_reads_like_this() {
        let verdict = Verdict::WorseTail {
            what: "share of missed deadlines",
            candidate: 0.25,
            incumbent: 0.2,
        };
        assert_eq!(
            verdict.to_string(),
            "worse in the tail: share of missed deadlines 0.250, and 0.200 in use"
        );
    }
}
