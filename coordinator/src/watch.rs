//! Who watches which job. A turn's changes reach watchers after its commit; nobody watching costs one load.

use std::{
    collections::hash_map::Entry,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use drover_model::{JobId, Transition, TurnNumber};
use rustc_hash::FxHashMap;
use tokio::sync::mpsc;

/// Changes that may wait for one watcher.
const CAPACITY: usize = 4_096;

/// A change and the turn whose commit made it durable.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) turn: TurnNumber,
    pub(crate) transition: Transition,
}

#[derive(Debug)]
struct Watcher {
    number: u64,
    changes: mpsc::Sender<Change>,
    lagged: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Registered {
    next_number: u64,
    by_job: FxHashMap<JobId, Vec<Watcher>>,
}

/// All watchers.
#[derive(Debug, Default)]
pub(crate) struct WatchHub {
    watchers: AtomicUsize,
    registered: Mutex<Registered>,
}

/// One watcher's end. Leaves the hub when dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    hub: Arc<WatchHub>,
    job: JobId,
    number: u64,
    changes: mpsc::Receiver<Change>,
    lagged: Arc<AtomicBool>,
}

/// Why a watch has no more changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The watcher was too slow.
    Lagged,
    /// The coordinator stopped leading.
    Closed,
}

impl WatchHub {
    /// Register first, then read the snapshot: what is committed in between arrives twice, and is told by its turn.
    pub(crate) fn watch(self: &Arc<Self>, job: JobId) -> Watch {
        let (sender, changes) = mpsc::channel(CAPACITY);
        let lagged = Arc::new(AtomicBool::new(false));
        let mut registered = self.lock();
        let number = registered.next_number;
        registered.next_number += 1;
        registered.by_job.entry(job).or_default().push(Watcher {
            number,
            changes: sender,
            lagged: Arc::clone(&lagged),
        });
        self.watchers.fetch_add(1, Ordering::SeqCst);
        drop(registered);
        Watch {
            hub: Arc::clone(self),
            job,
            number,
            changes,
            lagged,
        }
    }

    /// Hands out what a commit has made durable.
    pub(crate) fn publish(&self, turn: TurnNumber, transitions: &[Transition]) {
        if self.watchers.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut registered = self.lock();
        for transition in transitions {
            let job = match transition {
                Transition::Task { job, .. } | Transition::Job { job, .. } => *job,
            };
            if let Entry::Occupied(mut entry) = registered.by_job.entry(job) {
                entry
                    .get_mut()
                    .retain(|watcher| watcher.tell(turn, transition));
            }
        }
    }

    /// Ends every watch: what comes next may not follow from what they have seen.
    pub(crate) fn close_all(&self) {
        self.lock().by_job.clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Registered> {
        self.registered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher {
    /// False when it is to be dropped.
    fn tell(&self, turn: TurnNumber, transition: &Transition) -> bool {
        let change = Change {
            turn,
            transition: transition.clone(),
        };
        match self.changes.try_send(change) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Closed(_)) => false,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.lagged.store(true, Ordering::Release);
                false
            }
        }
    }
}

impl Watch {
    /// The next change, in the order of commits.
    pub(crate) async fn next(&mut self) -> Result<Change, Broken> {
        self.changes.recv().await.ok_or_else(|| {
            if self.lagged.load(Ordering::Acquire) {
                Broken::Lagged
            } else {
                Broken::Closed
            }
        })
    }

    /// A new watch of the same job, after this one broke.
    pub(crate) fn again(&self) -> Self {
        self.hub.watch(self.job)
    }

    /// A change that has arrived already.
    pub(crate) fn try_next(&mut self) -> Option<Change> {
        self.changes.try_recv().ok()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut registered = self.hub.lock();
        if let Entry::Occupied(mut entry) = registered.by_job.entry(self.job) {
            entry
                .get_mut()
                .retain(|watcher| watcher.number != self.number);
            if entry.get().is_empty() {
                entry.remove();
            }
        }
        self.hub.watchers.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use drover_model::TaskState;

    use super::*;

    fn change(job: u128, task: u32) -> Transition {
        Transition::Task {
            job: JobId::from_u128(job),
            task,
            to: TaskState::Queued,
            attempt: 0,
            node: None,
        }
    }

    #[tokio::test]
    async fn a_watcher_hears_of_its_own_job_only() {
        let hub = Arc::new(WatchHub::default());
        let mut watch = hub.watch(JobId::from_u128(1));
        hub.publish(TurnNumber(5), &[change(2, 0), change(1, 7)]);
        let heard = watch.next().await.unwrap();
        assert_eq!(
            (heard.turn, heard.transition),
            (TurnNumber(5), change(1, 7))
        );
        assert_eq!(watch.try_next(), None);
    }

    #[tokio::test]
    async fn a_slow_watcher_is_told_so_and_a_closed_one_too() {
        let hub = Arc::new(WatchHub::default());
        let mut slow = hub.watch(JobId::from_u128(1));
        let many: Vec<_> = (0..=CAPACITY as u32).map(|task| change(1, task)).collect();
        hub.publish(TurnNumber(1), &many);
        for _ in 0..CAPACITY {
            slow.next().await.unwrap();
        }
        assert_eq!(slow.next().await, Err(Broken::Lagged));
        let mut closed = hub.watch(JobId::from_u128(1));
        hub.close_all();
        assert_eq!(closed.next().await, Err(Broken::Closed));
    }

    #[test]
    fn leaving_leaves_nothing_behind() {
        let hub = Arc::new(WatchHub::default());
        let first = hub.watch(JobId::from_u128(1));
        let second = hub.watch(JobId::from_u128(1));
        drop(first);
        assert_eq!(hub.lock().by_job.len(), 1);
        drop(second);
        assert!(hub.lock().by_job.is_empty());
        assert_eq!(hub.watchers.load(Ordering::SeqCst), 0);
    }
}
