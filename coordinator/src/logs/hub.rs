//! Wakes those who follow a job's output.

use std::{
    collections::hash_map::Entry,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use drover_model::JobId;
use rustc_hash::FxHashMap;
use tokio::sync::Notify;

/// Followers by job; nobody following costs one load.
#[derive(Debug, Default)]
pub(crate) struct LogHub {
    followers: AtomicUsize,
    jobs: Mutex<FxHashMap<JobId, Followed>>,
}

#[derive(Debug, Default)]
struct Followed {
    followers: usize,
    more: Arc<Notify>,
}

/// One follower. Leaves when dropped.
#[derive(Debug)]
pub(crate) struct Follow {
    hub: Arc<LogHub>,
    job: JobId,
    more: Arc<Notify>,
}

impl LogHub {
    pub(crate) fn follow(self: &Arc<Self>, job: JobId) -> Follow {
        let mut jobs = self.lock();
        let followed = jobs.entry(job).or_default();
        followed.followers += 1;
        let more = Arc::clone(&followed.more);
        self.followers.fetch_add(1, Ordering::SeqCst);
        drop(jobs);
        Follow {
            hub: Arc::clone(self),
            job,
            more,
        }
    }

    /// More of the job's output is stored.
    pub(super) fn announce(&self, jobs: impl Iterator<Item = JobId>) {
        if self.followers.load(Ordering::SeqCst) == 0 {
            return;
        }
        let followed = self.lock();
        for job in jobs {
            if let Some(followed) = followed.get(&job) {
                followed.more.notify_waiters();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, FxHashMap<JobId, Followed>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follow {
    /// Resolves at the first announcement after this call: ask before reading, so that nothing is missed.
    pub(crate) fn more(&self) -> tokio::sync::futures::OwnedNotified {
        Arc::clone(&self.more).notified_owned()
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        let mut jobs = self.hub.lock();
        if let Entry::Occupied(mut entry) = jobs.entry(self.job) {
            entry.get_mut().followers -= 1;
            if entry.get().followers == 0 {
                entry.remove();
            }
        }
        self.hub.followers.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn followers_of_the_job_wake() {
        let hub = Arc::new(LogHub::default());
        let follow = hub.follow(JobId::from_u128(1));
        let more = follow.more();
        hub.announce([JobId::from_u128(1)].into_iter());
        more.await;
        drop(follow);
        assert!(hub.lock().is_empty());
    }
}
