//! Stretches of a log that are simulated by themselves, each from an empty cluster.

use super::ParseTraceError;

/// Jobs in each window of the published protocol.
pub const PUBLISHED_LENGTH: usize = 1_024;

/// Jobs in each log of the published protocol.
pub const PUBLISHED_JOBS: usize = 10_000;

/// Where the published windows begin, counted from 0 among the jobs by id (Zhang et al., "RLScheduler", SC 2020: what its
/// evaluation draws for a log of [`PUBLISHED_JOBS`]).
pub const PUBLISHED_STARTS: [usize; 10] = [
    1_981, 2_756, 4_299, 8_850, 3_316, 2_714, 5_228, 7_762, 4_022, 7_085,
];

/// Windows of equal length. They may overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Jobs in each.
    pub length: usize,
    /// First jobs, counted from 0.
    pub starts: Vec<usize>,
}

impl Windows {
    pub fn published() -> Self {
        Self {
            length: PUBLISHED_LENGTH,
            starts: PUBLISHED_STARTS.to_vec(),
        }
    }

    /// The first window at the first job, the last one at the end, the others at equal distances.
    pub fn evenly(jobs: usize, length: usize, count: usize) -> Self {
        let room = jobs.saturating_sub(length) as u128;
        let gaps = (count.max(2) - 1) as u128;
        let start = |place: usize| (room * place as u128 / gaps) as usize;
        Self {
            length,
            starts: (0..count).map(start).collect(),
        }
    }

    /// Whether they lie within `jobs` jobs.
    ///
    /// # Errors
    /// With the window that does not.
    pub fn check(&self, jobs: usize) -> Result<(), ParseTraceError> {
        if self.length == 0 || self.starts.is_empty() {
            return Err(ParseTraceError::Setting(
                "at least one window of at least one job is needed",
            ));
        }
        let last = self.starts.iter().copied().max().unwrap_or(0);
        match last.checked_add(self.length) {
            Some(end) if end <= jobs => Ok(()),
            _ => Err(ParseTraceError::Window {
                length: self.length,
                first: last,
                jobs,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_spread_over_the_whole_log() {
        assert_eq!(Windows::evenly(100, 10, 4).starts, [0, 30, 60, 90]);
        assert_eq!(Windows::evenly(100, 10, 1).starts, [0]);
        assert_eq!(Windows::evenly(5, 10, 2).starts, [0, 0]);
    }

    #[test]
    fn windows_beyond_the_end_are_refused() {
        assert_eq!(Windows::published().check(9_874), Ok(()));
        let error = Windows::published().check(9_873).unwrap_err();
        assert!(error.to_string().contains("8850"), "{error}");
        assert!(Windows::evenly(9, 0, 1).check(9).is_err());
        assert!(Windows::evenly(9, 1, 0).check(9).is_err());
    }
}
