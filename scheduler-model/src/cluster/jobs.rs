//! The open jobs, by id and by slot.

use std::hash::BuildHasher as _;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use super::{chunks::Chunks, job::Job};
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

#[derive(Debug, Default)]
pub(crate) struct Jobs {
    all: Chunks<Option<Job>>,
    free: Vec<JobSlot>,
    /// By id, which lies in the job.
    by_id: HashTable<JobSlot>,
    arrivals: u64,
}

impl Jobs {
    /// Jobs are inserted in order of their ids when loaded, and as they arrive from then on.
    pub(crate) fn insert(&mut self, mut job: Job) -> JobSlot {
        self.arrivals += 1;
        job.arrival = self.arrivals;
        let id = job.id;
        assert!(self.find(id).is_none(), "job {id} is open already");
        let slot = self.free.pop().unwrap_or_else(|| self.grow());
        *self.place(slot) = Some(job);
        let all = &self.all;
        let hash_at = |slot: &JobSlot| hash(at(all, *slot).expect("it is open").id);
        self.by_id.insert_unique(hash(id), slot, hash_at);
        slot
    }

    pub(crate) fn remove(&mut self, slot: JobSlot) {
        let hash = hash(self.get(slot).id);
        let found = self.by_id.find_entry(hash, |other| *other == slot);
        found.expect("what is open can be found").remove();
        // In its place, as it is large.
        *self.place(slot) = None;
        self.free.push(slot);
    }

    pub(crate) fn find(&self, id: JobId) -> Option<JobSlot> {
        let is_wanted = |slot: &JobSlot| self.id_at(*slot) == Some(id);
        self.by_id.find(hash(id), is_wanted).copied()
    }

    /// The job there, if any.
    pub(crate) fn id_at(&self, slot: JobSlot) -> Option<JobId> {
        at(&self.all, slot).map(|job| job.id)
    }

    pub(crate) fn get(&self, slot: JobSlot) -> &Job {
        at(&self.all, slot).expect("the slot is in use")
    }

    pub(crate) fn get_mut(&mut self, slot: JobSlot) -> &mut Job {
        self.place(slot).as_mut().expect("the slot is in use")
    }

    /// In order of slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (JobSlot, &Job)> {
        let slots = (0..).map(JobSlot);
        let jobs = self.all.iter();
        slots
            .zip(jobs)
            .filter_map(|(slot, job)| Some((slot, job.as_ref()?)))
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    fn place(&mut self, slot: JobSlot) -> &mut Option<Job> {
        &mut self.all[slot.0 as usize]
    }

    fn grow(&mut self) -> JobSlot {
        let slot = self.all.push(None);
        JobSlot(u32::try_from(slot).expect("fewer than 2^32 open jobs"))
    }
}

fn at(all: &Chunks<Option<Job>>, slot: JobSlot) -> Option<&Job> {
    all.get(slot.0 as usize)?.as_ref()
}

fn hash(id: JobId) -> u64 {
    FxBuildHasher.hash_one(id)
}
