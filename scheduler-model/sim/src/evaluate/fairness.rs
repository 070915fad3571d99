//! Fairness between owners.

use std::collections::BTreeMap;

use super::JudgedJob;

/// Jain's index, (sum x)^2 / (n sum x^2): 1 when all are equal, 1/n when one has everything (Jain, Chiu, Hawe, "A
/// quantitative measure of fairness and discrimination", DEC-TR-301, 1984). 1 for no values, or only zeros.
pub fn jain(values: &[f64]) -> f64 {
    let sum: f64 = values.iter().sum();
    let squares: f64 = values.iter().map(|value| value * value).sum();
    if squares > 0.0 {
        // Rounding must not make it fairer than fair.
        (sum * sum / (values.len() as f64 * squares)).min(1.0)
    } else {
        1.0
    }
}

/// Jain's index over the mean bounded slowdown of each owner.
pub(super) fn between_owners(jobs: &[JudgedJob]) -> f64 {
    let mut owners: BTreeMap<&str, (f64, u32)> = BTreeMap::new();
    for job in jobs {
        let (sum, count) = owners.entry(&job.owner).or_default();
        *sum += job.bounded_slowdown();
        *count += 1;
    }
    let means = owners.values().map(|(sum, count)| sum / f64::from(*count));
    jain(&means.collect::<Vec<f64>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{evaluate::synthetic::job, simulate::JobOutcome};

    #[test]
    fn its_ends() {
        assert_eq!(jain(&[3.0, 3.0, 3.0]), 1.0);
        assert_eq!(jain(&[0.0, 0.0, 5.0, 0.0]), 0.25);
        assert_eq!(jain(&[]), 1.0);
    }

    #[test]
    fn owners_count_once_however_many_jobs_they_have() {
        let owned = |id, owner: &str, ended_ms| JobOutcome {
            owner: owner.into(),
            ideal_ms: 10_000,
            ..job(id, 0, 0, ended_ms)
        };
        let jobs = [
            owned(0, "ada", 10_000),
            owned(1, "ada", 10_000),
            owned(2, "ada", 10_000),
            owned(3, "bo", 30_000),
        ];
        let judged: Vec<JudgedJob> = jobs.iter().map(|job| JudgedJob::new(job, 0)).collect();
        assert_eq!(between_owners(&judged), jain(&[1.0, 3.0]));
    }
}
