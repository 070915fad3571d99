//! What runs, kept once however many tasks run it.

use bytes::Bytes;
use rustc_hash::FxHashMap;

/// Place of a payload in memory. Reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PayloadId(u32);

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
            self.kept[id.0 as usize].1 += 1;
            return *id;
        }
        // A copy: the original may be a small part of a large message that it would keep alive.
        let copy = Bytes::copy_from_slice(payload);
        let id = if let Some(id) = self.free.pop() {
            self.kept[id.0 as usize] = (copy.clone(), 1);
            id
        } else {
            self.kept.push((copy.clone(), 1));
            PayloadId(u32::try_from(self.kept.len() - 1).expect("fewer than 2^32 payloads"))
        };
        self.by_content.insert(copy, id);
        id
    }

    pub(crate) fn get(&self, id: PayloadId) -> &Bytes {
        &self.kept[id.0 as usize].0
    }

    pub(crate) fn release(&mut self, id: PayloadId) {
        let (payload, uses) = &mut self.kept[id.0 as usize];
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
