//! A job as figures see it.

use std::sync::Arc;

use super::Counted;
use crate::{
    simulate::{JobOutcome, Outcome},
    trace::LEAST_IDEAL_MS,
};

/// The bound of bounded slowdown (Feitelson, Rudolph, Schwiegelshohn, Sevcik, Wong, "Theory and practice in parallel job
/// scheduling", JSSPP 1997, section 4).
const SLOWDOWN_BOUND_MS: u64 = 10_000;

/// What became of one job, with nothing left open.
///
/// A job that had not ended, or had not succeeded, when the simulation did counts as one that went on until then: its flow
/// time and tardiness reach to that moment, it has missed its deadline if it had one, and the objective gives it the worst
/// that it gives to anything. A policy gains nothing by what it drops.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedJob {
    pub owner: Arc<str>,
    pub priority: u8,
    pub succeeded: bool,
    /// Longest path by the run times of the trace, at least 1 s.
    pub ideal_ms: u64,
    pub flow_ms: u64,
    /// To the first start of a task; to the end of the simulation if none started.
    pub wait_ms: u64,
    pub deadline: Option<JudgedDeadline>,
}

/// How a job with a deadline stood to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JudgedDeadline {
    pub missed: bool,
    /// From the deadline to the end; 0 if the end came first.
    pub tardiness_ms: u64,
}

impl JudgedJob {
    /// `ended_ms`: when the simulation ended.
    pub fn new(job: &JobOutcome, ended_ms: u64) -> Self {
        let succeeded = job.succeeded && job.ended_ms.is_some();
        let end = job.ended_ms.filter(|_| succeeded).unwrap_or(ended_ms);
        let to_the_end = || ended_ms.saturating_sub(job.submitted_ms);
        Self {
            owner: job.owner.clone(),
            priority: job.priority,
            succeeded,
            ideal_ms: job.ideal_ms.max(LEAST_IDEAL_MS),
            flow_ms: end.saturating_sub(job.submitted_ms),
            wait_ms: job.wait_ms().unwrap_or_else(to_the_end),
            deadline: job.due_ms.map(|due| JudgedDeadline {
                missed: !succeeded || end > due,
                tardiness_ms: end.saturating_sub(due),
            }),
        }
    }

    /// Those that count.
    pub(crate) fn all(outcome: &Outcome, counted: &Counted) -> Vec<Self> {
        let jobs = counted.jobs(outcome).into_iter();
        jobs.map(|job| Self::new(job, outcome.ended_ms)).collect()
    }

    /// 1 for priority 0, 5 for priority 100.
    pub fn weight(&self) -> f64 {
        1.0 + f64::from(self.priority) / 25.0
    }

    /// Flow time by ideal time, at least 1, with an ideal time of at least 10 s.
    pub fn bounded_slowdown(&self) -> f64 {
        let ideal_ms = self.ideal_ms.max(SLOWDOWN_BOUND_MS);
        (self.flow_ms as f64 / ideal_ms as f64).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::synthetic::job;

    #[test]
    fn what_did_not_succeed_lasts_until_the_end() {
        let failed = JobOutcome {
            succeeded: false,
            due_ms: Some(5_000),
            ..job(0, 1_000, 1_000, 2_000)
        };
        let judged = JudgedJob::new(&failed, 60_000);
        assert_eq!((judged.flow_ms, judged.wait_ms), (59_000, 0));
        let deadline = judged.deadline.expect("it has one");
        assert_eq!(
            deadline,
            JudgedDeadline {
                missed: true,
                tardiness_ms: 55_000
            }
        );
    }

    #[test]
    fn what_never_started_waits_until_the_end() {
        let waiting = JobOutcome {
            first_start_ms: None,
            ended_ms: None,
            ..job(0, 1_000, 1_000, 2_000)
        };
        let judged = JudgedJob::new(&waiting, 60_000);
        assert_eq!((judged.flow_ms, judged.wait_ms), (59_000, 59_000));
        assert!(!judged.succeeded);
    }

    #[test]
    fn short_jobs_are_bounded() {
        let short = JobOutcome {
            ideal_ms: 100,
            ..job(0, 0, 14_900, 15_000)
        };
        let judged = JudgedJob::new(&short, 15_000);
        assert_eq!(judged.ideal_ms, 1_000);
        assert_eq!(judged.bounded_slowdown(), 1.5);
        assert_eq!(
            JudgedJob::new(&job(0, 0, 0, 100), 100).bounded_slowdown(),
            1.0
        );
    }
}
