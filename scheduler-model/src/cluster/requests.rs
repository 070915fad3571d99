//! Recent request ids, to answer a repeated submit that the look-up in the store was too early to see.

use std::{
    collections::VecDeque,
    hash::{Hash as _, Hasher as _},
    sync::Arc,
};

use rustc_hash::{FxHashMap, FxHasher};

use crate::{JobId, NewJob, Refusal, TurnNumber};

type Key = (Arc<str>, Arc<str>);

/// Remembers the last [`RecentRequests::CAPACITY`] and from which turn on it knows all.
#[derive(Debug)]
pub(crate) struct RecentRequests {
    known: FxHashMap<Key, (JobId, u64)>,
    order: VecDeque<(TurnNumber, Key)>,
    /// Look-ups that reflect an earlier turn may have missed something that is forgotten here.
    complete_since: TurnNumber,
}

impl RecentRequests {
    const CAPACITY: usize = 65_536;

    pub(crate) fn new(committed: TurnNumber) -> Self {
        Self {
            known: FxHashMap::default(),
            order: VecDeque::new(),
            complete_since: committed,
        }
    }

    /// The job that an earlier call with the same id has made.
    pub(crate) fn find(
        &self,
        job: &NewJob,
        looked_up: TurnNumber,
    ) -> Result<Option<JobId>, Refusal> {
        let Some(request_id) = &job.request_id else {
            return Ok(None);
        };
        if looked_up < self.complete_since {
            return Err(Refusal::LookupStale);
        }
        let key = (Arc::clone(&job.spec.namespace), Arc::clone(request_id));
        match self.known.get(&key) {
            None => Ok(None),
            Some((id, fingerprint)) if *fingerprint == self::fingerprint(job) => Ok(Some(*id)),
            Some(_) => Err(Refusal::RequestIdReused(Arc::clone(request_id))),
        }
    }

    pub(crate) fn remember(&mut self, job: &NewJob, turn: TurnNumber) {
        let Some(request_id) = &job.request_id else {
            return;
        };
        let key = (Arc::clone(&job.spec.namespace), Arc::clone(request_id));
        self.known.insert(key.clone(), (job.id, fingerprint(job)));
        self.order.push_back((turn, key));
        if self.order.len() > Self::CAPACITY {
            let (turn, key) = self.order.pop_front().expect("longer than the capacity");
            self.known.remove(&key);
            self.complete_since = self.complete_since.max(turn);
        }
    }
}

fn fingerprint(job: &NewJob) -> u64 {
    let mut hasher = FxHasher::default();
    job.stored_spec.hash(&mut hasher);
    hasher.finish()
}
