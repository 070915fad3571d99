//! Deadlines: how many were missed, whose, and by how much.

use drover_model::Priority;
use serde::Serialize;

use super::JudgedJob;

/// Of the jobs that had a deadline.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Deadlines {
    pub jobs: u64,
    pub missed: u64,
    /// By level, lowest first; only levels that have jobs with a deadline.
    pub by_priority: Vec<LevelMisses>,
    /// Mean of max(0, end - deadline) in seconds, also over those that were in time.
    pub mean_tardiness_s: f64,
    /// The same, weighted by 1 + priority / 25.
    pub weighted_tardiness_s: f64,
}

/// Of the jobs of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LevelMisses {
    pub level: Level,
    pub jobs: u64,
    pub missed: u64,
}

/// The names that priorities go by. A priority between two belongs to the higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Low,
    Normal,
    High,
    Urgent,
}

impl Level {
    pub fn of(priority: u8) -> Self {
        match priority {
            _ if priority <= Priority::LOW.get() => Self::Low,
            _ if priority <= Priority::NORMAL.get() => Self::Normal,
            _ if priority <= Priority::HIGH.get() => Self::High,
            _ => Self::Urgent,
        }
    }
}

impl Deadlines {
    pub(super) fn of(jobs: &[JudgedJob]) -> Self {
        let mut deadlines = Self::default();
        let (mut tardiness, mut weighted, mut weights) = (0.0, 0.0, 0.0);
        for job in jobs {
            let Some(deadline) = job.deadline else {
                continue;
            };
            deadlines.add(Level::of(job.priority), 1, deadline.missed.into());
            let late_s = deadline.tardiness_ms as f64 / 1_000.0;
            tardiness += late_s;
            weighted += job.weight() * late_s;
            weights += job.weight();
        }
        if deadlines.jobs > 0 {
            deadlines.mean_tardiness_s = tardiness / deadlines.jobs as f64;
            deadlines.weighted_tardiness_s = weighted / weights;
        }
        deadlines
    }

    pub(super) fn add(&mut self, level: Level, jobs: u64, missed: u64) {
        self.jobs += jobs;
        self.missed += missed;
        let place = self
            .by_priority
            .binary_search_by_key(&level, |row| row.level);
        let place = place.unwrap_or_else(|place| {
            let row = LevelMisses {
                level,
                jobs: 0,
                missed: 0,
            };
            self.by_priority.insert(place, row);
            place
        });
        self.by_priority[place].jobs += jobs;
        self.by_priority[place].missed += missed;
    }

    /// Missed by all; `None` if no job had a deadline.
    pub fn miss_rate(&self) -> Option<f64> {
        share(self.missed, self.jobs)
    }

    /// `None` if no job of the level had a deadline.
    pub fn miss_rate_of(&self, level: Level) -> Option<f64> {
        let row = self.by_priority.iter().find(|row| row.level == level)?;
        share(row.missed, row.jobs)
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{evaluate::synthetic::job, simulate::JobOutcome};

    fn due(id: u32, priority: u8, due_ms: Option<u64>) -> JudgedJob {
        let outcome = JobOutcome {
            priority,
            due_ms,
            ..job(id, 0, 0, 10_000)
        };
        JudgedJob::new(&outcome, 10_000)
    }

    #[test]
    fn misses_by_priority() {
        let jobs = [
            due(0, 100, Some(4_000)),
            due(1, 0, Some(10_000)),
            due(2, 26, Some(9_000)),
            due(3, 50, Some(10_001)),
            due(4, 50, None),
        ];
        let deadlines = Deadlines::of(&jobs);
        assert_eq!((deadlines.jobs, deadlines.missed), (4, 2));
        let rates = [Level::Low, Level::Normal, Level::High, Level::Urgent]
            .map(|level| deadlines.miss_rate_of(level));
        assert_eq!(rates, [Some(0.0), Some(0.5), None, Some(1.0)]);
        assert!(
            deadlines
                .by_priority
                .is_sorted_by_key(|misses| misses.level)
        );
        assert_eq!(deadlines.mean_tardiness_s, 7.0 / 4.0);
        let weights = 5.0 + 1.0 + (1.0 + 26.0 / 25.0) + 3.0;
        let weighted = 5.0 * 6.0 + (1.0 + 26.0 / 25.0) * 1.0;
        assert!((deadlines.weighted_tardiness_s - weighted / weights).abs() < 1e-12);
    }

    #[test]
    fn without_deadlines_there_is_no_rate() {
        let deadlines = Deadlines::of(&[due(0, 50, None)]);
        assert_eq!(deadlines, Deadlines::default());
        assert_eq!(deadlines.miss_rate(), None);
    }
}
