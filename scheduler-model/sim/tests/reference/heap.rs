//! A binary heap whose array is looked at: one cell of a table depends on the order that a heap happens to have inside.
//!
//! The textbook's heap (Cormen et al., "Introduction to Algorithms", chapter 6) with Floyd's way of removing the least: the
//! hole goes down to a leaf along the lesser children, and what filled the last place comes up from there. Several standard
//! libraries do it so.

#[derive(Default)]
pub(crate) struct Heap {
    entries: Vec<(u64, usize)>,
}

impl Heap {
    pub(crate) fn least(&self) -> Option<(u64, usize)> {
        self.entries.first().copied()
    }

    /// As they lie.
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> {
        self.entries.iter().map(|(_, place)| *place)
    }

    pub(crate) fn push(&mut self, entry: (u64, usize)) {
        self.entries.push(entry);
        self.rise(self.entries.len() - 1);
    }

    pub(crate) fn pop(&mut self) {
        let Some(last) = self.entries.pop() else {
            return;
        };
        if self.entries.is_empty() {
            return;
        }
        let mut hole = 0;
        let mut child = 1;
        while child < self.entries.len() {
            let other = child + 1;
            if other < self.entries.len() && self.entries[other] <= self.entries[child] {
                child = other;
            }
            self.entries[hole] = self.entries[child];
            hole = child;
            child = 2 * hole + 1;
        }
        self.entries[hole] = last;
        self.rise(hole);
    }

    fn rise(&mut self, mut place: usize) {
        while place > 0 && self.entries[place] < self.entries[(place - 1) / 2] {
            self.entries.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
    }
}

#[test]
fn the_least_comes_first() {
    let mut heap = Heap::default();
    for (value, place) in [5, 3, 8, 3, 1, 9, 2].into_iter().zip(0..) {
        heap.push((value, place));
    }
    let mut popped = Vec::new();
    while let Some(least) = heap.least() {
        heap.pop();
        popped.push(least);
    }
    assert_eq!(
        popped,
        [(1, 4), (2, 6), (3, 1), (3, 3), (5, 0), (8, 2), (9, 5)]
    );
}
