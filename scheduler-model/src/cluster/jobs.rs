//! The open jobs, by id and by slot.

use rustc_hash::FxHashMap;

use super::job::Job;
use crate::JobId;

/// Place of a job in memory. Reused; never leaves the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct JobSlot(u32);

/// A task of an open job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TaskRef {
    pub(crate) job: JobSlot,
    pub(crate) task: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Jobs {
    slots: Vec<Option<Box<Job>>>,
    free: Vec<JobSlot>,
    by_id: FxHashMap<JobId, JobSlot>,
    arrivals: u64,
}

impl Jobs {
    /// Jobs are inserted in order of their ids when loaded, and as they arrive from then on.
    pub(crate) fn insert(&mut self, mut job: Job) -> JobSlot {
        self.arrivals += 1;
        job.arrival = self.arrivals;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            JobSlot(u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 open jobs"))
        });
        let old = self.by_id.insert(job.id, slot);
        assert!(old.is_none(), "job {} is open already", job.id);
        self.slots[slot.0 as usize] = Some(Box::new(job));
        slot
    }

    pub(crate) fn remove(&mut self, slot: JobSlot) -> Box<Job> {
        let job = self.slots[slot.0 as usize]
            .take()
            .expect("the slot is in use");
        self.by_id.remove(&job.id);
        self.free.push(slot);
        job
    }

    pub(crate) fn find(&self, id: JobId) -> Option<JobSlot> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn get(&self, slot: JobSlot) -> &Job {
        self.slots[slot.0 as usize]
            .as_ref()
            .expect("the slot is in use")
    }

    pub(crate) fn get_mut(&mut self, slot: JobSlot) -> &mut Job {
        self.slots[slot.0 as usize]
            .as_mut()
            .expect("the slot is in use")
    }

    /// In order of slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (JobSlot, &Job)> {
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(slot, job)| Some((JobSlot(slot as u32), job.as_deref()?)))
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }
}
