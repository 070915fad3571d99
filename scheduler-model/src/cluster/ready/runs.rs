//! Instances of an array follow each other in a list and are alike, so that one stands for all.

use std::{
    iter,
    ops::Bound::{Excluded, Included, Unbounded},
};

use super::{Entry, Ready, ShapeId};
use crate::cluster::jobs::TaskRef;

impl Ready {
    /// All waiting tasks, for orders whose keys change; of those that follow each other in a list and are alike only the
    /// first. `last_alike` is the last of its job that may be like a task.
    pub(crate) fn runs<'a>(
        &'a self,
        last_alike: impl Fn(TaskRef) -> u32 + Copy + 'a,
    ) -> impl Iterator<Item = (ShapeId, Entry)> + 'a {
        let queues = self.queues.iter();
        let lists = queues.flat_map(|queue| &queue.lists);
        lists.flat_map(move |(shape, list)| {
            let mut rest = list.range(..);
            iter::from_fn(move || {
                let entry = *rest.next()?;
                let last = last_alike(entry.task);
                if last > entry.task.task {
                    rest = list.range((Excluded(entry.of_task(last)), Unbounded));
                }
                Some((*shape, entry))
            })
        })
    }

    /// The one behind an entry in its list, if that is of the same job and key, and not behind `last`.
    pub(crate) fn follower(
        &self,
        queue: u32,
        shape: ShapeId,
        entry: &Entry,
        last: u32,
    ) -> Option<Entry> {
        let list = &self.queue(queue).lists[&shape];
        let behind = (Excluded(*entry), Included(entry.of_task(last)));
        list.range(behind).next().copied()
    }
}

impl Entry {
    /// Another task of the same job and key.
    fn of_task(self, task: u32) -> Self {
        let task = TaskRef { task, ..self.task };
        Self { task, ..self }
    }
}
