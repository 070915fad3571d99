//! What runs, kept once however many tasks run it.

use std::num::NonZeroU32;

use bytes::Bytes;
use rustc_hash::FxHashMap;

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

/// Interned byte strings, counted by use.
#[derive(Debug, Default)]
pub(crate) struct Payloads {
    kept: Vec<(Bytes, u32)>,
    free: Vec<PayloadId>,
    by_content: FxHashMap<Bytes, PayloadId>,
}

impl Payloads {
    /// The one copy of `payload`, used once more.
    pub(crate) fn keep(&mut self, payload: &Bytes) -> PayloadId {
        if let Some(id) = self.by_content.get(payload) {
            self.kept[id.index()].1 += 1;
            return *id;
        }
        // A copy: the original may be a small part of a large message that it would keep alive.
        let copy = Bytes::copy_from_slice(payload);
        let id = if let Some(id) = self.free.pop() {
            self.kept[id.index()] = (copy.clone(), 1);
            id
        } else {
            self.kept.push((copy.clone(), 1));
            PayloadId::of(self.kept.len() - 1)
        };
        self.by_content.insert(copy, id);
        id
    }

    pub(crate) fn get(&self, id: PayloadId) -> &Bytes {
        &self.kept[id.index()].0
    }

    pub(crate) fn release(&mut self, id: PayloadId) {
        let (payload, uses) = &mut self.kept[id.index()];
        *uses -= 1;
        if *uses == 0 {
            self.by_content.remove(payload);
            *payload = Bytes::new();
            self.free.push(id);
        }
    }

    /// Number of different payloads in use.
    pub(crate) fn len(&self) -> usize {
        self.by_content.len()
    }
}
