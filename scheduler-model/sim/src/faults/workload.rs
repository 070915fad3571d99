//! What users ask for, and how what they run behaves.

mod behaviour;
mod condition;
mod jobs;
mod placement;
mod shape;
mod steps;
mod units;

use std::sync::Arc;

use drover_model::{Cancellation, JobSpec};

pub use behaviour::{Behaviour, Profile};
pub use condition::Condition;
pub use steps::PlannedStep;

use crate::{
    faults::setting::Setting,
    random::{Purpose, Random},
};

/// Everything that users do in one simulation, drawn before it begins.
#[derive(Debug)]
pub struct Workload {
    seed: u64,
    /// By number; a job's stored words are its number.
    pub jobs: Vec<Arc<PlannedJob>>,
}

/// A job that somebody is going to submit.
#[derive(Clone, Debug)]
pub struct PlannedJob {
    pub submit_at_ms: u64,
    pub spec: Arc<JobSpec>,
    /// Tasks in the order of the spec, then their undo steps.
    pub steps: Vec<PlannedStep>,
    /// Without a request id a call whose answer is lost is not repeated.
    pub with_request_id: bool,
    /// Submitted in one call with the one before.
    pub with_previous: bool,
    /// When somebody stops it, from its submission on, and how.
    pub cancellations: Vec<(u64, Cancellation)>,
    /// Whether somebody replays it once it is dead, and whether from the failed task on.
    pub replay: Option<bool>,
    pub poison: Poison,
}

/// Whether a job makes trouble that is not its own. Replays make none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poison {
    No,
    /// The database refuses its row.
    Submit,
    /// The database refuses the rows of its attempts.
    Rows,
    /// The model panics on reports of its attempts.
    Panic,
}

impl Workload {
    pub fn of(setting: &Setting) -> Self {
        let mut random = Random::new(setting.seed, Purpose::Jobs);
        let jobs = (0..setting.jobs)
            .map(|number| Arc::new(jobs::plan(number, setting, &mut random)))
            .collect();
        Self {
            seed: setting.seed,
            jobs,
        }
    }

    /// How an attempt goes: the same whenever it is asked for. `job` tells a replay from the first time.
    pub fn behaviour(&self, number: u32, step: u32, job: u64, attempt: u32) -> Behaviour {
        let profile = &self.jobs[number as usize].steps[step as usize].profile;
        let names = [job, u64::from(step), u64::from(attempt)];
        Behaviour::draw(profile, &mut Random::of(self.seed, Purpose::Agents, names))
    }
}
