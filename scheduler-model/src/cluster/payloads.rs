//! What runs, and how long it is expected to, kept once however many tasks run it.

use std::{
    hash::{Hash, Hasher},
    num::NonZeroU32,
};

use bytes::Bytes;
use rustc_hash::FxHashMap;

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

#[derive(Debug, Eq)]
struct Content {
    payload: Bytes,
    expected: Expected,
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.expected == other.expected && is_same(&self.payload, &other.payload)
    }
}

/// Nothing is not compared with nothing: `memcmp` of that at a dangling pointer can take the processor 100 ns.
fn is_same(one: &Bytes, other: &Bytes) -> bool {
    one.is_empty() && other.is_empty() || one == other
}

impl Hash for Content {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.payload, self.expected).hash(state);
    }
}

/// Interned byte strings, counted by use. Equal ones that are expected to take different times are different.
#[derive(Debug, Default)]
pub(crate) struct Payloads {
    kept: Vec<Kept>,
    free: Vec<PayloadId>,
    by_content: FxHashMap<Content, PayloadId>,
    /// The last that was new: what comes next is often the same but for how long it takes.
    last: Option<PayloadId>,
}

#[derive(Debug)]
struct Kept {
    payload: Bytes,
    expected: Expected,
    uses: u32,
}

impl Payloads {
    /// The one copy of `payload`, used once more.
    pub(crate) fn keep(&mut self, payload: &Bytes, expected: Expected) -> PayloadId {
        // Sharing the original for the look-up: the map wants a key of its own type.
        let wanted = Content {
            payload: payload.clone(),
            expected,
        };
        if let Some(id) = self.by_content.get(&wanted) {
            self.kept[id.index()].uses += 1;
            return *id;
        }
        let last = self.last.map(|last| &self.kept[last.index()].payload);
        let copy = match last.filter(|last| is_same(last, payload)) {
            Some(last) => last.clone(),
            // The original may be a small part of a large message that it would keep alive.
            None => Bytes::copy_from_slice(payload),
        };
        let new = Kept {
            payload: copy.clone(),
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
        let content = Content {
            payload: copy,
            expected,
        };
        self.by_content.insert(content, id);
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
        if kept.uses == 0 {
            let payload = std::mem::take(&mut kept.payload);
            let expected = kept.expected;
            self.by_content.remove(&Content { payload, expected });
            self.free.push(id);
        }
    }

    /// Number of different payloads in use.
    pub(crate) fn len(&self) -> usize {
        self.by_content.len()
    }
}
