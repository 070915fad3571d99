//! Rules that order jobs, and tasks within them by what depends on them.

use super::{
    Facts, Order, Policy,
    key::{ascending, pair_descending},
};

/// Least remaining work of the job first (SRPT: Schrage, "A proof of the optimality of the shortest remaining processing time
/// discipline", Operations Research 1968): by the estimated run times times width of the job's tasks that have not ended; within
/// a job the longest path to its end first.
#[derive(Debug)]
pub(super) struct LeastRemainingWork;

impl Policy for LeastRemainingWork {
    fn name(&self) -> &str {
        "srpt"
    }

    fn description(&self) -> &str {
        "least remaining work of the job first; within it the longest path to its end"
    }

    fn order(&self) -> Order {
        Order::Changing
    }

    fn key(&self, facts: &Facts) -> i64 {
        pair_descending(facts.job.work_left as f64, facts.upward_rank_ms as f64)
    }
}

/// Shortest job first along the critical path: the job with the least work in all, and within it the task with the longest
/// path to its end (SJF-CP in Mao et al., "Learning Scheduling Algorithms for Data Processing Clusters", SIGCOMM 2019,
/// section 7.1).
#[derive(Debug)]
pub(super) struct ShortestJobCriticalPath;

impl Policy for ShortestJobCriticalPath {
    fn name(&self) -> &str {
        "sjf-cp"
    }

    fn description(&self) -> &str {
        "shortest job first along its critical path: least work of the whole job, then the longest path to its end"
    }

    fn key(&self, facts: &Facts) -> i64 {
        pair_descending(facts.job.work as f64, facts.upward_rank_ms as f64)
    }
}

/// Upward rank of HEFT: the longest path from a task's start to its job's end first, whosever it is (Topcuoglu, Hariri, Wu,
/// "Performance-effective and low-complexity task scheduling for heterogeneous computing", IEEE TPDS 2002, equation 2, without
/// costs of communication). Where the task runs is decided by scores, as for every policy here.
#[derive(Debug)]
pub(super) struct UpwardRank;

impl Policy for UpwardRank {
    fn name(&self) -> &str {
        "heft"
    }

    fn description(&self) -> &str {
        "largest upward rank of HEFT first: the longest path from the task to the end of its job"
    }

    fn key(&self, facts: &Facts) -> i64 {
        -i64::try_from(facts.upward_rank_ms).unwrap_or(i64::MAX)
    }
}

/// Fair share between jobs: the one that would hold least for its weight first, h / W^e, where h is the width of what
/// it holds with the task, W its remaining work and e the exponent. 0 is plain fair share; -1 and below favour short jobs (weighted fair in Mao et al., SIGCOMM 2019,
/// section 7.1, where e = -1 was best on batches).
#[derive(Debug)]
pub(super) struct FairShare {
    name: Box<str>,
    exponent: f64,
}

impl FairShare {
    pub(super) const PLAIN: f64 = 0.0;
    pub(super) const DEFAULT_EXPONENT: f64 = -1.5;

    pub(super) fn new(name: Box<str>, exponent: f64) -> Self {
        Self { name, exponent }
    }
}

impl Policy for FairShare {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> &str {
        if self.exponent == Self::PLAIN {
            "fair share: the job first that would hold least, the task included"
        } else {
            "weighted fair share: least held, the task included, for (remaining work)^-1.5, or weighted:EXPONENT"
        }
    }

    fn order(&self) -> Order {
        Order::Changing
    }

    /// With the task, so that the weight also decides between jobs that hold nothing.
    #[expect(
        clippy::disallowed_methods,
        reason = "only what a round decides depends on it, and that is recorded"
    )]
    fn key(&self, facts: &Facts) -> i64 {
        let held = facts.job.held_millis.saturating_add(facts.width_millis) as f64 / 1_000.0;
        let work_s = (facts.job.work_left as f64 / 1_000.0).max(1e-3);
        ascending(held / work_s.powf(self.exponent))
    }
}
