//! What runs, kept once however many tasks run it.

use bytes::Bytes;
use rustc_hash::FxHashMap;

/// Interned byte strings, counted by use.
#[derive(Debug, Default)]
pub(crate) struct Payloads {
    uses: FxHashMap<Bytes, u32>,
}

impl Payloads {
    /// The shared copy of `payload`.
    pub(crate) fn keep(&mut self, payload: &Bytes) -> Bytes {
        if let Some((shared, uses)) = self.uses.get_key_value(payload) {
            let (shared, uses) = (shared.clone(), uses + 1);
            self.uses.insert(shared.clone(), uses);
            return shared;
        }
        // A copy: the original may be a small part of a large message that it would keep alive.
        let shared = Bytes::copy_from_slice(payload);
        self.uses.insert(shared.clone(), 1);
        shared
    }

    pub(crate) fn release(&mut self, payload: &Bytes) {
        let uses = self
            .uses
            .get_mut(payload)
            .expect("a kept payload is released");
        *uses -= 1;
        if *uses == 0 {
            self.uses.remove(payload);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.uses.len()
    }
}
