//! What runs, and what it is like, kept once however many tasks run it.

use std::{hash::BuildHasher as _, num::NonZeroU32};

use bytes::Bytes;
use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use super::chunks::Chunks;
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

/// What tells equal work from other: what is expected of it, but for what a user says of one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Likeness {
    pub(crate) signature: u64,
    wide_signature: u64,
    default_ms: u64,
}

impl Likeness {
    fn of(expected: &Expected) -> Self {
        Self {
            signature: expected.signature,
            wide_signature: expected.wide_signature,
            default_ms: expected.default_ms,
        }
    }

    pub(crate) fn expected(self, stated_ms: Option<u64>) -> Expected {
        Expected {
            stated_ms,
            default_ms: self.default_ms,
            signature: self.signature,
            wide_signature: self.wide_signature,
        }
    }
}

/// Interned byte strings, counted by use. Equal ones that are not alike are different.
#[derive(Debug, Default)]
pub(crate) struct Payloads {
    kept: Chunks<Kept>,
    free: Vec<PayloadId>,
    /// By content, which lies in `kept` only: of a long queue it may be all different.
    by_content: HashTable<PayloadId>,
}

#[derive(Debug)]
struct Kept {
    payload: Bytes,
    likeness: Likeness,
    uses: u32,
}

impl Kept {
    fn is(&self, payload: &Bytes, likeness: Likeness) -> bool {
        self.likeness == likeness && is_same(&self.payload, payload)
    }
}

/// Nothing is not compared with nothing: `memcmp` of that at a dangling pointer can take the processor 100 ns.
fn is_same(one: &Bytes, other: &Bytes) -> bool {
    one.is_empty() && other.is_empty() || one == other
}

fn hash(payload: &Bytes, likeness: Likeness) -> u64 {
    FxBuildHasher.hash_one((payload, likeness))
}

impl Payloads {
    /// The one copy of `payload`, used once more.
    pub(crate) fn keep(&mut self, payload: &Bytes, expected: &Expected) -> PayloadId {
        let likeness = Likeness::of(expected);
        let (kept, hash_of) = (&self.kept, hash(payload, likeness));
        let is_wanted = |id: &PayloadId| kept[id.index()].is(payload, likeness);
        if let Some(id) = self.by_content.find(hash_of, is_wanted).copied() {
            self.kept[id.index()].uses += 1;
            return id;
        }
        let new = Kept {
            // The original may be a small part of a large message that it would keep alive.
            payload: Bytes::copy_from_slice(payload),
            likeness,
            uses: 1,
        };
        let id = if let Some(id) = self.free.pop() {
            self.kept[id.index()] = new;
            id
        } else {
            PayloadId::of(self.kept.push(new))
        };
        let kept = &self.kept;
        self.by_content.insert_unique(hash_of, id, |id| {
            let kept = &kept[id.index()];
            hash(&kept.payload, kept.likeness)
        });
        id
    }

    pub(crate) fn get(&self, id: PayloadId) -> &Bytes {
        &self.kept[id.index()].payload
    }

    pub(crate) fn likeness(&self, id: PayloadId) -> Likeness {
        self.kept[id.index()].likeness
    }

    pub(crate) fn release(&mut self, id: PayloadId) {
        let kept = &mut self.kept[id.index()];
        kept.uses -= 1;
        if kept.uses > 0 {
            return;
        }
        let payload = std::mem::take(&mut kept.payload);
        let hash = hash(&payload, kept.likeness);
        let found = self.by_content.find_entry(hash, |other| *other == id);
        found.expect("what is kept can be found").remove();
        self.free.push(id);
    }

    /// Number of different payloads in use.
    pub(crate) fn len(&self) -> usize {
        self.by_content.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(stated_ms: Option<u64>, signature: u64) -> Expected {
        Expected {
            stated_ms,
            default_ms: 1_000,
            signature,
            wide_signature: 9,
        }
    }

    #[test]
    fn equal_work_is_kept_once_whatever_is_said_of_each_task() {
        let mut payloads = Payloads::default();
        let payload = Bytes::from_static(b"run");
        let one = payloads.keep(&payload, &expected(Some(5), 1));
        assert_eq!(payloads.keep(&payload, &expected(Some(70), 1)), one);
        assert_eq!(payloads.keep(&payload, &expected(None, 1)), one);
        let other = payloads.keep(&payload, &expected(None, 2));
        assert_eq!(payloads.len(), 2, "other work, though the bytes are equal");
        (0..3).for_each(|_| payloads.release(one));
        assert_eq!(payloads.len(), 1);
        let likeness = payloads.likeness(other);
        assert_eq!(likeness.expected(Some(3)), expected(Some(3), 2));
    }
}
