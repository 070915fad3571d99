//! Things in memory by their place.

use std::ops::{Index, IndexMut};

/// They lie in chunks of this many, so that a long queue neither costs an allocation for each nor moves when it grows.
const CHUNK: usize = 256;

#[derive(Debug)]
pub(crate) struct Chunks<T>(Vec<Vec<T>>);

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Chunks<T> {
    pub(crate) fn get(&self, place: usize) -> Option<&T> {
        self.0.get(place / CHUNK)?.get(place % CHUNK)
    }

    /// Behind all others; returns its place.
    pub(crate) fn push(&mut self, thing: T) -> usize {
        if self.0.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.0.push(Vec::with_capacity(CHUNK));
        }
        let before = (self.0.len() - 1) * CHUNK;
        let last = self.0.last_mut().expect("just pushed");
        last.push(thing);
        before + last.len() - 1
    }

    /// In order of places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }
}

impl<T> Index<usize> for Chunks<T> {
    type Output = T;

    fn index(&self, place: usize) -> &T {
        &self.0[place / CHUNK][place % CHUNK]
    }
}

impl<T> IndexMut<usize> for Chunks<T> {
    fn index_mut(&mut self, place: usize) -> &mut T {
        &mut self.0[place / CHUNK][place % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_again_beyond_a_chunk() {
        let mut chunks = Chunks::default();
        let all = 2 * CHUNK + 1;
        assert!((0..all).all(|number| chunks.push(number) == number));
        chunks[CHUNK] = 7;
        assert_eq!([chunks[CHUNK - 1], chunks[CHUNK]], [CHUNK - 1, 7]);
        assert_eq!((chunks.get(CHUNK), chunks.get(all)), (Some(&7), None));
        assert_eq!(chunks.iter().count(), all);
    }
}
