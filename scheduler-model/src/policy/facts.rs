use crate::{Priority, Timestamp};

/// What a rule may look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Fixed keys must not depend on it.
    pub now: Timestamp,
    pub submitted_at: Timestamp,
    pub deadline: Option<Timestamp>,
    pub priority: Priority,
    /// What it asks for in thousandths of a processor: cpu, or gpus where these are more; of all members of a gang.
    pub width_millis: u64,
    pub estimate_ms: u64,
    /// Longest path from this task's start to the job's end, in estimated milliseconds.
    pub upward_rank_ms: u64,
    pub job: JobFacts,
    /// Of the best node now, 0 to 1000; 0 where none has room. Known to [`super::Order::Scored`] only.
    pub node_score: u16,
}

/// What a rule may look at of the whole job. Work is estimated run time times width, in
/// milliseconds of one processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobFacts {
    /// Of all its tasks.
    pub work: u64,
    /// Of those that have not ended.
    pub work_left: u64,
    /// What its attempts hold now.
    pub held_millis: u64,
}

impl Facts {
    /// Processors asked for.
    pub fn processors(&self) -> f64 {
        self.width_millis as f64 / 1_000.0
    }

    /// Estimated run time in seconds, at least a millisecond.
    pub fn estimate_s(&self) -> f64 {
        self.estimate_ms.max(1) as f64 / 1_000.0
    }

    /// Since submission.
    pub fn waited_s(&self) -> f64 {
        self.now.since(self.submitted_at) as f64 / 1_000.0
    }

    /// Estimated run time times width.
    pub fn area(&self) -> u128 {
        u128::from(self.estimate_ms) * u128::from(self.width_millis)
    }

    /// How much later it could start and still meet its deadline; negative when it cannot any more.
    pub fn slack_ms(&self) -> Option<i64> {
        let latest = self
            .deadline?
            .0
            .saturating_sub_unsigned(self.upward_rank_ms);
        Some(latest.saturating_sub(self.now.0))
    }

    /// It would miss its deadline even if it started now.
    pub fn is_late(&self) -> bool {
        self.slack_ms().is_some_and(|slack| slack < 0)
    }
}
