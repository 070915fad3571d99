//! Who submits, how urgent it is to them, and how well they guess run times.

use std::sync::Arc;

use drover_model::Priority;
use rand_distr::{LogNormal, Zipf};

use super::streams::Streams;
use crate::{
    random::Random,
    trace::{LEAST_IDEAL_MS, TraceJob, TraceTask},
};

/// How many users there are.
const USERS: u32 = 40;

/// The n-th user submits n^-1.2 times as many jobs as the first: few submit most, as in logs of parallel machines
/// (D. Feitelson, "Workload Modeling for Computer Systems Performance Evaluation", 2015, chapter 8).
const USERS_EXPONENT: f64 = 1.2;

/// What differs between families.
pub(super) struct Manner {
    /// Jobs in a thousand that have a deadline.
    pub(super) with_deadline_permille: u64,
    /// Deadlines lie at so many times of what the job takes alone, uniformly between.
    pub(super) slack: (f64, f64),
    /// Priorities, each with its jobs in a thousand.
    pub(super) priorities: &'static [(Priority, u64)],
    pub(super) estimates: Estimates,
}

/// The factor between what users state and what is true: log-normal.
pub(super) struct Estimates {
    /// Above 1: they ask for more than they need.
    pub(super) median: f64,
    /// Of the factor's logarithm.
    pub(super) sigma: f64,
}

impl Estimates {
    /// A third of the jobs take longer than stated, and one in eight less than half of it.
    pub(super) const USUAL: Self = Self {
        median: 1.2,
        sigma: 0.45,
    };
}

/// Mostly normal.
pub(super) const USUAL_PRIORITIES: &[(Priority, u64)] = &[
    (Priority::LOW, 250),
    (Priority::NORMAL, 500),
    (Priority::HIGH, 200),
    (Priority::URGENT, 50),
];

pub(super) struct Users {
    manner: Manner,
    names: Vec<Arc<str>>,
    popularity: Zipf<f64>,
    factor: LogNormal<f64>,
    queue: Arc<str>,
}

impl Users {
    pub(super) fn new(manner: Manner) -> Self {
        let names = (1..=USERS).map(|number| format!("user-{number:02}").into());
        Self {
            names: names.collect(),
            popularity: Zipf::new(f64::from(USERS), USERS_EXPONENT).expect("a known exponent"),
            factor: log_normal(manner.estimates.median, manner.estimates.sigma),
            queue: "default".into(),
            manner,
        }
    }

    /// What a user says of work that takes so long.
    pub(super) fn state(&self, run_ms: u64, random: &mut Random) -> u64 {
        let stated = run_ms as f64 * random.sample(&self.factor);
        (stated.round() as u64).max(1)
    }

    /// A job that is not yet submitted. `alone_ms` says what it takes on an empty cluster.
    pub(super) fn job(
        &self,
        name: &Arc<str>,
        tasks: Vec<TraceTask>,
        alone_ms: impl FnOnce(&TraceJob) -> u64,
        streams: &mut Streams,
    ) -> TraceJob {
        let mut job = TraceJob {
            submitted_ms: 0,
            name: Arc::clone(name),
            owner: Arc::clone(self.owner(&mut streams.owners)),
            queue: Arc::clone(&self.queue),
            priority: self.priority(&mut streams.owners),
            deadline_ms: None,
            tasks,
            recorded: None,
        };
        job.deadline_ms = self.deadline_ms(alone_ms(&job), &mut streams.deadlines);
        job
    }

    fn owner(&self, random: &mut Random) -> &Arc<str> {
        let rank = random.sample(&self.popularity) as usize;
        &self.names[rank.clamp(1, self.names.len()) - 1]
    }

    fn priority(&self, random: &mut Random) -> Priority {
        let mut left = random.below(1_000);
        for (priority, permille) in self.manner.priorities {
            if left < *permille {
                return *priority;
            }
            left -= permille;
        }
        Priority::NORMAL
    }

    fn deadline_ms(&self, alone_ms: u64, random: &mut Random) -> Option<u64> {
        let (least, most) = self.manner.slack;
        let chosen = random.chance(self.manner.with_deadline_permille);
        let slack = random.real(least, most);
        let deadline = alone_ms.max(LEAST_IDEAL_MS) as f64 * slack;
        chosen.then_some(deadline.round() as u64)
    }
}

/// By its median, and by the standard deviation of its logarithm.
///
/// # Panics
/// When these are not finite numbers above 0.
pub(super) fn log_normal(median: f64, sigma: f64) -> LogNormal<f64> {
    LogNormal::new(median.ln(), sigma).expect("a median above 0 and a finite spread")
}
