//! The open jobs, by id and by slot.

use rustc_hash::FxHashMap;

use super::job::Job;
use crate::JobId;

/// Place of a job in memory. Reused; never leaves the process.
#[cfg_attr(test, derive(Default))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct JobSlot(u32);

impl JobSlot {
    pub(super) const FIRST: Self = Self(0);
}

/// A task of an open job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TaskRef {
    pub(crate) job: JobSlot,
    pub(crate) task: u32,
}

/// Jobs lie in chunks of this many, so that a long queue neither costs an allocation each nor moves when it grows.
const CHUNK: usize = 256;

#[derive(Debug, Default)]
pub(crate) struct Jobs {
    chunks: Vec<Vec<Option<Job>>>,
    free: Vec<JobSlot>,
    by_id: FxHashMap<JobId, JobSlot>,
    arrivals: u64,
}

impl Jobs {
    /// Jobs are inserted in order of their ids when loaded, and as they arrive from then on.
    pub(crate) fn insert(&mut self, mut job: Job) -> JobSlot {
        self.arrivals += 1;
        job.arrival = self.arrivals;
        let slot = self.free.pop().unwrap_or_else(|| self.grow());
        let old = self.by_id.insert(job.id, slot);
        assert!(old.is_none(), "job {} is open already", job.id);
        *self.place(slot) = Some(job);
        slot
    }

    pub(crate) fn remove(&mut self, slot: JobSlot) {
        let id = self.get(slot).id;
        self.by_id.remove(&id);
        // In its place, as it is large.
        *self.place(slot) = None;
        self.free.push(slot);
    }

    pub(crate) fn find(&self, id: JobId) -> Option<JobSlot> {
        self.by_id.get(&id).copied()
    }

    /// The job there, if any.
    pub(crate) fn id_at(&self, slot: JobSlot) -> Option<JobId> {
        let place = slot.0 as usize;
        let job = self.chunks.get(place / CHUNK)?.get(place % CHUNK)?.as_ref();
        job.map(|job| job.id)
    }

    pub(crate) fn get(&self, slot: JobSlot) -> &Job {
        let place = slot.0 as usize;
        self.chunks[place / CHUNK][place % CHUNK]
            .as_ref()
            .expect("the slot is in use")
    }

    pub(crate) fn get_mut(&mut self, slot: JobSlot) -> &mut Job {
        self.place(slot).as_mut().expect("the slot is in use")
    }

    /// In order of slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (JobSlot, &Job)> {
        let slots = (0..).map(JobSlot);
        let jobs = self.chunks.iter().flatten();
        slots
            .zip(jobs)
            .filter_map(|(slot, job)| Some((slot, job.as_ref()?)))
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    fn place(&mut self, slot: JobSlot) -> &mut Option<Job> {
        let place = slot.0 as usize;
        &mut self.chunks[place / CHUNK][place % CHUNK]
    }

    fn grow(&mut self) -> JobSlot {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let chunk = self.chunks.len() - 1;
        let last = self.chunks.last_mut().expect("just pushed");
        last.push(None);
        let slot = chunk * CHUNK + last.len() - 1;
        JobSlot(u32::try_from(slot).expect("fewer than 2^32 open jobs"))
    }
}
