use std::collections::BTreeSet;

use super::{Entry, Lanes, Ready, ShapeId};

/// A task that waits, with the latest start that meets its deadline, where there is one.
pub(crate) type Waiting = (u32, ShapeId, Entry, Option<i64>);

impl Ready {
    /// Gives every entry another key: `entries` are all that wait, as [`Ready::entries`] has them but for that. What is
    /// known of shapes stays.
    pub(crate) fn rearrange(&mut self, entries: &[Waiting], serves_windows: bool) {
        assert_eq!(entries.len(), self.len, "nobody comes or goes");
        for queue in &mut self.queues {
            queue.heads.clear();
        }
        for of_one_list in entries.chunk_by(|one, next| (one.0, one.1) == (next.0, next.1)) {
            let (queue, shape, ..) = of_one_list[0];
            let queue = &mut self.queues[queue as usize];
            let entries = of_one_list.iter().map(|(_, _, entry, _)| *entry);
            let list: BTreeSet<Entry> = entries.collect();
            let head = list.first().map(|first| (*first, shape));
            queue.heads.extend(head);
            queue.lists.insert(shape, list);
        }
        self.lanes = serves_windows.then(|| {
            let mut lanes = Lanes::default();
            for (_, shape, entry, latest_start) in entries {
                lanes.insert(*entry, *shape, *latest_start);
            }
            Box::new(lanes)
        });
    }
}
