//! Which job has how many nodes, where run times depend on it.

use rustc_hash::FxHashMap;

/// Nodes by the job that they worked for last.
#[derive(Debug, Default)]
pub(super) struct Executors {
    of_job: FxHashMap<u32, u32>,
}

impl Executors {
    /// A node goes from the job that it worked for last, if any, to this one. How many work for this one then.
    pub(super) fn moves(&mut self, from: Option<u32>, to: u32) -> u32 {
        if from != Some(to) {
            if let Some(from) = from {
                self.leaves(from);
            }
            *self.of_job.entry(to).or_default() += 1;
        }
        self.of_job.get(&to).copied().unwrap_or(1)
    }

    /// A node works for it no more.
    pub(super) fn leaves(&mut self, job: u32) {
        if let Some(left) = self.of_job.get_mut(&job) {
            *left -= 1;
        }
    }

    /// The job has ended.
    pub(super) fn forget(&mut self, job: u32) {
        self.of_job.remove(&job);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_count_for_the_job_that_they_worked_for_last() {
        let mut executors = Executors::default();
        assert_eq!(executors.moves(None, 7), 1);
        assert_eq!(executors.moves(None, 7), 2);
        assert_eq!(executors.moves(Some(7), 7), 2);
        assert_eq!(executors.moves(Some(7), 8), 1);
        assert_eq!(executors.moves(None, 7), 2);
        executors.leaves(7);
        assert_eq!(executors.moves(Some(7), 7), 1);
        executors.forget(7);
        // It went with the job.
        executors.leaves(7);
        assert_eq!(executors.moves(Some(7), 8), 2);
    }
}
