use std::collections::BTreeSet;

use super::{Entry, Ready, ShapeId};

impl Ready {
    /// Gives every entry another key: `entries` are all that wait, as [`Ready::entries`] has them but for that. What is
    /// known of shapes stays.
    pub(crate) fn rearrange(&mut self, entries: &[(u32, ShapeId, Entry)]) {
        assert_eq!(entries.len(), self.len, "nobody comes or goes");
        for queue in &mut self.queues {
            queue.heads.clear();
        }
        let together = entries.chunk_by(|one, next| (one.0, one.1) == (next.0, next.1));
        for of_one_list in together {
            let (queue, shape, _) = of_one_list[0];
            let queue = &mut self.queues[queue as usize];
            let list: BTreeSet<Entry> = of_one_list.iter().map(|(.., entry)| *entry).collect();
            let head = list.first().map(|first| (*first, shape));
            queue.heads.extend(head);
            queue.lists.insert(shape, list);
        }
    }
}
