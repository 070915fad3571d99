use std::sync::{Arc, atomic::AtomicU64};

use drover_model::{
    Weights,
    dispatch::Mode,
    policy::{self, Policy},
};

/// How a trace is run.
#[derive(Clone, Debug)]
pub struct Options {
    pub policy: Arc<dyn Policy>,
    pub mode: Mode,
    /// Order of what is tried beside a reservation. `None`: that of `policy`.
    pub backfill: Option<Arc<dyn Policy>>,
    pub weights: Weights,
    /// What has waited so long goes before all others. `None`: nothing grows old.
    pub age_cap_ms: Option<u64>,
    /// Of what is not in the trace: noise, failures, samples of durations.
    pub seed: u64,
    /// Spread of true run times around the trace's: the standard deviation of their logarithm. 0: as in the trace.
    pub noise: f64,
    /// What it costs to give an executor to another job (see [`crate::trace::Runs::Executors`]).
    pub moving_ms: u64,
    /// Between an assignment and the beginning of its attempt.
    pub start_latency_ms: u64,
    pub rounds: Rounds,
    pub keep: Keep,
    /// Is set to the moment of each round before it, in milliseconds of the trace: a policy does not see it otherwise.
    pub clock: Option<Arc<AtomicU64>>,
}

/// When rounds of dispatch are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounds {
    /// After each submission and each end.
    #[default]
    EachEvent,
    /// When all that happens at one moment has.
    EachMoment,
}

/// What a simulation keeps besides a line for each job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    pub attempts: bool,
    pub queue: bool,
}

impl Options {
    /// The policy as evaluations run it: without an age cap, which would change every rule, and without noise.
    pub fn new(policy: Arc<dyn Policy>, mode: Mode) -> Self {
        Self {
            policy,
            mode,
            backfill: None,
            weights: Weights::default(),
            age_cap_ms: None,
            seed: 1,
            noise: 0.0,
            moving_ms: 0,
            start_latency_ms: 0,
            rounds: Rounds::EachEvent,
            keep: Keep::default(),
            clock: None,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new(policy::find("fifo").expect("a built-in policy"), Mode::Easy)
    }
}
