//! In which order waiting jobs are chosen.

use std::{fmt, str::FromStr};

use super::Job;

/// Keeps logarithms and divisions by them finite, as in the published code.
const TINY: f64 = 1e-15;
/// What the published code takes the logarithm of where it would be of 0.
const INSTEAD_OF_0: f64 = 0.1;

/// The published rules; n is a job's processors, r its requested time and s its time of submission, in seconds.
///
/// [`Rule::Wfp3`] and [`Rule::Unicep`] were meant to use the waiting time w. The published code computes it as the start time
/// minus s, and the start time of a waiting job is -1 there: so w = -(1 + s), at all times. Both rules then turn round: who
/// has waited for long does not gain on others, and long jobs come first. The published columns come from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// First come, first served: smallest s.
    Fcfs,
    /// Tang et al., "Fault-aware, utility-based job scheduling on Blue Gene/P systems", CLUSTER 2009: smallest
    /// -(w / r)^3 n.
    Wfp3,
    /// Same source: smallest -w / (log2(n) r).
    Unicep,
    /// Shortest job first: smallest r, then s.
    Sjf,
    /// Carastan-Santos and de Camargo, "Obtaining dynamic scheduling policies with simulation and machine learning", SC 2017:
    /// smallest log10(r) n + 870 log10(s).
    F1,
}

impl Rule {
    /// In the order of the published table.
    pub const ALL: [Self; 5] = [Self::Fcfs, Self::Wfp3, Self::Unicep, Self::Sjf, Self::F1];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Fcfs => "fcfs",
            Self::Wfp3 => "wfp3",
            Self::Unicep => "unicep",
            Self::Sjf => "sjf",
            Self::F1 => "f1",
        }
    }

    /// Smallest first; the second number parts equal first ones.
    pub(super) fn rank(self, job: &Job) -> [f64; 2] {
        let processors = f64::from(job.processors);
        let mistaken_wait_s = -(1.0 + job.submitted_s);
        match self {
            Self::Fcfs => [job.submitted_s, 0.0],
            Self::Wfp3 => [
                -(mistaken_wait_s / job.requested_s).powi(3) * processors,
                0.0,
            ],
            Self::Unicep => {
                let denominator = (processors + TINY).log2() * job.requested_s;
                [-(mistaken_wait_s + TINY) / denominator, 0.0]
            }
            Self::Sjf => [job.requested_s, job.submitted_s],
            Self::F1 => {
                let size = logarithm(job.requested_s) * processors;
                [size + 870.0 * logarithm(job.submitted_s), 0.0]
            }
        }
    }
}

fn logarithm(seconds: f64) -> f64 {
    if seconds > 0.0 {
        seconds.log10()
    } else {
        INSTEAD_OF_0.log10()
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the published protocol has no rule `{0}`; it has fcfs, wfp3, unicep, sjf and f1")]
pub struct UnknownRule(pub String);

impl FromStr for Rule {
    type Err = UnknownRule;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = match name {
            "fifo" => Some(Self::Fcfs),
            _ => Self::ALL.into_iter().find(|rule| rule.name() == name),
        };
        found.ok_or_else(|| UnknownRule(name.to_owned()))
    }
}
