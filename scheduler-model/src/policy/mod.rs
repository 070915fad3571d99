//! Orders in which ready tasks start, and where.
//!
//! A policy sees plain numbers and proposes; the cluster validates. The rules here have keys that stay fixed while a
//! task is queued, so that the ready index keeps tasks sorted by them and a round reads it without a scan.

mod edf;
mod fifo;
mod llf;
mod priority;
mod saf;
mod sjf;

use crate::{Priority, Resources, Timestamp};

/// What a rule may look at. Fixed while the task is queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub submitted_at: Timestamp,
    pub deadline: Option<Timestamp>,
    pub priority: Priority,
    pub resources: Resources,
    pub estimate_ms: u64,
    /// Longest path from this task's start to the job's end, in estimated milliseconds.
    pub upward_rank_ms: u64,
}

/// Ranks ready tasks. Where they run is decided by [`crate::Score`].
pub trait Policy: Sync + std::fmt::Debug {
    /// The name users know it by.
    fn name(&self) -> &'static str;

    /// What it ranks by, in one line.
    fn description(&self) -> &'static str;

    /// Smallest starts first. Ties go to the older job, then to the earlier task.
    fn key(&self, facts: &Facts) -> i64;
}

/// All built-in policies, by name.
pub const ALL: [&dyn Policy; 6] = [
    &edf::EarliestDeadlineFirst,
    &fifo::FirstInFirstOut,
    &llf::LeastLaxityFirst,
    &priority::HighestPriorityFirst,
    &saf::SmallestAreaFirst,
    &sjf::ShortestJobFirst,
];

/// The built-in policy of that name.
pub fn find(name: &str) -> Option<&'static dyn Policy> {
    ALL.into_iter().find(|policy| policy.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            submitted_at: Timestamp(1_000),
            deadline: Some(Timestamp(60_000)),
            priority: Priority::NORMAL,
            resources: Resources {
                cpu_millis: 2_000,
                ..Resources::ZERO
            },
            estimate_ms: 5_000,
            upward_rank_ms: 20_000,
        }
    }

    /// For each policy a change that must move a task forward.
    #[test]
    fn each_rule_prefers_what_its_name_says() {
        let forward: [(&str, Facts); 6] = [
            (
                "edf",
                Facts {
                    deadline: Some(Timestamp(50_000)),
                    ..facts()
                },
            ),
            (
                "fifo",
                Facts {
                    submitted_at: Timestamp(999),
                    ..facts()
                },
            ),
            (
                "llf",
                Facts {
                    upward_rank_ms: 30_000,
                    ..facts()
                },
            ),
            (
                "priority",
                Facts {
                    priority: Priority::HIGH,
                    ..facts()
                },
            ),
            (
                "saf",
                Facts {
                    resources: Resources {
                        cpu_millis: 1_000,
                        ..Resources::ZERO
                    },
                    ..facts()
                },
            ),
            (
                "sjf",
                Facts {
                    estimate_ms: 4_999,
                    ..facts()
                },
            ),
        ];
        for (name, preferred) in &forward {
            let policy = find(name).unwrap();
            assert!(policy.key(preferred) < policy.key(&facts()), "{name}");
        }
        assert_eq!(forward.len(), ALL.len());
    }

    #[test]
    fn without_a_deadline_tasks_come_last() {
        let without = Facts {
            deadline: None,
            ..facts()
        };
        for name in ["edf", "llf"] {
            let policy = find(name).unwrap();
            assert!(policy.key(&facts()) < policy.key(&without), "{name}");
        }
    }
}
