//! What runs, and how long it is expected to, kept once however many tasks run it.

use std::{hash::BuildHasher as _, num::NonZeroU32};

use bytes::Bytes;
use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use crate::Expected;

/// Place of a payload in memory. Reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PayloadId(NonZeroU32);

impl PayloadId {
    fn of(index: usize) -> Self {
        let number = u32::try_from(index + 1).expect("fewer than 2^32 payloads");
        Self(NonZeroU32::new(number).expect("one more than an index"))
    }

    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// Interned byte strings, counted by use. Equal ones that are expected to take different times are different.
#[derive(Debug, Default)]
pub(crate) struct Payloads {
    kept: Vec<Kept>,
    free: Vec<PayloadId>,
    /// By content, which lies in `kept` only: of a long queue it may be all different.
    by_content: HashTable<PayloadId>,
    /// The last that was new: what comes next is often the same but for how long it takes.
    last: Option<PayloadId>,
}

#[derive(Debug)]
struct Kept {
    payload: Bytes,
    expected: Expected,
    uses: u32,
}

impl Kept {
    fn is(&self, payload: &Bytes, expected: &Expected) -> bool {
        self.expected == *expected && is_same(&self.payload, payload)
    }
}

/// Nothing is not compared with nothing: `memcmp` of that at a dangling pointer can take the processor 100 ns.
fn is_same(one: &Bytes, other: &Bytes) -> bool {
    one.is_empty() && other.is_empty() || one == other
}

fn hash(payload: &Bytes, expected: &Expected) -> u64 {
    FxBuildHasher.hash_one((payload, expected))
}

impl Payloads {
    /// The one copy of `payload`, used once more.
    pub(crate) fn keep(&mut self, payload: &Bytes, expected: Expected) -> PayloadId {
        let (kept, hash_of) = (&self.kept, hash(payload, &expected));
        let is_wanted = |id: &PayloadId| kept[id.index()].is(payload, &expected);
        if let Some(id) = self.by_content.find(hash_of, is_wanted).copied() {
            self.kept[id.index()].uses += 1;
            return id;
        }
        let last = self.last.map(|last| &self.kept[last.index()].payload);
        let copy = match last.filter(|last| is_same(last, payload)) {
            Some(last) => last.clone(),
            // The original may be a small part of a large message that it would keep alive.
            None => Bytes::copy_from_slice(payload),
        };
        let new = Kept {
            payload: copy,
            expected,
            uses: 1,
        };
        let id = if let Some(id) = self.free.pop() {
            self.kept[id.index()] = new;
            id
        } else {
            self.kept.push(new);
            PayloadId::of(self.kept.len() - 1)
        };
        let kept = &self.kept;
        self.by_content.insert_unique(hash_of, id, |id| {
            let kept = &kept[id.index()];
            hash(&kept.payload, &kept.expected)
        });
        self.last = Some(id);
        id
    }

    pub(crate) fn get(&self, id: PayloadId) -> &Bytes {
        &self.kept[id.index()].payload
    }

    pub(crate) fn expected(&self, id: PayloadId) -> &Expected {
        &self.kept[id.index()].expected
    }

    pub(crate) fn release(&mut self, id: PayloadId) {
        let kept = &mut self.kept[id.index()];
        kept.uses -= 1;
        if kept.uses > 0 {
            return;
        }
        let payload = std::mem::take(&mut kept.payload);
        let hash = hash(&payload, &kept.expected);
        let found = self.by_content.find_entry(hash, |other| *other == id);
        found.expect("what is kept can be found").remove();
        self.free.push(id);
    }

    /// Number of different payloads in use.
    pub(crate) fn len(&self) -> usize {
        self.by_content.len()
    }
}
