//! Rings of unsent output, one for each attempt, and when each is due.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use drover_model::AttemptKey;
use drover_proto::v1::LogStream;
use tokio::time::Instant;

/// Before compression.
pub(super) const CHUNK_BYTES: usize = 64 << 10;
/// Kept of one attempt.
const ATTEMPT_BYTES: usize = 1 << 20;
/// Pieces kept of one attempt: alternating streams make small ones.
const ATTEMPT_PIECES: usize = 4_096;
/// Kept of all attempts.
const TOTAL_BYTES: usize = 64 << 20;

/// From the first byte after a pause until it is sent.
const FIRST_DELAY: Duration = Duration::from_millis(100);
/// Between two sendings of an attempt that writes on and on, as long as no chunk is full.
const STEADY_DELAY: Duration = Duration::from_millis(500);

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) stream: LogStream,
    /// Place in everything the attempt has written.
    pub(super) offset: u64,
    pub(super) data: Vec<u8>,
}

/// What is due of one attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) key: AttemptKey,
    pub(super) piece: Piece,
    pub(super) end: bool,
}

#[derive(Debug, Default)]
struct Ring {
    pieces: VecDeque<Piece>,
    bytes: usize,
    written: u64,
    due: Option<Instant>,
    sent: Option<Instant>,
    ended: bool,
}

#[derive(Debug, Default)]
pub(super) struct Buffers {
    rings: BTreeMap<AttemptKey, Ring>,
    due: BTreeSet<(Instant, AttemptKey)>,
    bytes: usize,
}

impl Buffers {
    /// True when it is now due earlier than before.
    pub(super) fn append(
        &mut self,
        key: AttemptKey,
        stream: LogStream,
        data: &[u8],
        now: Instant,
    ) -> bool {
        let ring = self.rings.entry(key).or_default();
        let before = ring.bytes;
        ring.append(stream, data);
        self.bytes += data.len();
        self.bytes -= ring.trim();
        let full = ring.bytes / CHUNK_BYTES > before / CHUNK_BYTES;
        let due = if full {
            now
        } else {
            let steady = ring.sent.map_or(now, |sent| sent + STEADY_DELAY);
            steady.max(now + FIRST_DELAY)
        };
        self.trim_total();
        self.schedule(key, due)
    }

    pub(super) fn end(&mut self, key: AttemptKey, now: Instant) {
        self.rings.entry(key).or_default().ended = true;
        self.schedule(key, now);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The oldest piece of the attempt that is due the longest.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Due> {
        let (at, key) = self.due.first().copied()?;
        if at > now {
            return None;
        }
        let ring = self.rings.get_mut(&key)?;
        let piece = ring.pieces.pop_front().unwrap_or(Piece {
            stream: LogStream::Stdout,
            offset: ring.written,
            data: Vec::new(),
        });
        ring.bytes -= piece.data.len();
        self.bytes -= piece.data.len();
        let last = ring.pieces.is_empty();
        let end = last && ring.ended;
        if last {
            ring.sent = Some(now);
            ring.due = None;
            self.due.remove(&(at, key));
        }
        if end {
            self.rings.remove(&key);
        }
        Some(Due { key, piece, end })
    }

    fn schedule(&mut self, key: AttemptKey, at: Instant) -> bool {
        let Some(ring) = self.rings.get_mut(&key) else {
            return false;
        };
        match ring.due {
            Some(due) if due <= at => return false,
            Some(due) => {
                self.due.remove(&(due, key));
            }
            None => {}
        }
        ring.due = Some(at);
        self.due.insert((at, key));
        true
    }

    /// The attempt that holds most loses its oldest.
    fn trim_total(&mut self) {
        while self.bytes > TOTAL_BYTES {
            let Some(ring) = self.rings.values_mut().max_by_key(|ring| ring.bytes) else {
                return;
            };
            self.bytes -= ring.drop_oldest();
        }
    }
}

impl Ring {
    fn append(&mut self, stream: LogStream, mut data: &[u8]) {
        while !data.is_empty() {
            let last = self.pieces.back_mut();
            let piece = match last {
                Some(piece) if piece.stream == stream && piece.data.len() < CHUNK_BYTES => piece,
                _ => self.pieces.push_back_mut(Piece {
                    stream,
                    offset: self.written,
                    data: Vec::new(),
                }),
            };
            let room = CHUNK_BYTES - piece.data.len();
            let (fits, rest) = data.split_at(room.min(data.len()));
            piece.data.extend_from_slice(fits);
            self.written += fits.len() as u64;
            self.bytes += fits.len();
            data = rest;
        }
    }

    /// Bytes that were dropped.
    fn trim(&mut self) -> usize {
        let mut dropped = 0;
        while self.bytes > ATTEMPT_BYTES || self.pieces.len() > ATTEMPT_PIECES {
            dropped += self.drop_oldest();
        }
        dropped
    }

    fn drop_oldest(&mut self) -> usize {
        let dropped = self.pieces.pop_front().map_or(0, |piece| piece.data.len());
        self.bytes -= dropped;
        dropped
    }
}

#[cfg(test)]
mod tests;
