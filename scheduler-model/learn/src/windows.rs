use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

/// More are not kept. It has to be more than a search meets at once: those of a generation, and those of validation.
const MOST_WINDOWS: usize = 192;

/// Windows in memory, by seed, so that all networks of a generation meet them without their being made again.
#[derive(Debug)]
pub(crate) struct Windows<T> {
    known: Mutex<Known<T>>,
}

#[derive(Debug)]
struct Known<T> {
    windows: BTreeMap<u64, Arc<T>>,
    /// As they came.
    order: VecDeque<u64>,
}

impl<T> Default for Windows<T> {
    fn default() -> Self {
        let known = Known {
            windows: BTreeMap::new(),
            order: VecDeque::new(),
        };
        Self {
            known: Mutex::new(known),
        }
    }
}

impl<T> Windows<T> {
    /// The window of a seed. Kept once; two that ask at the same time both make it.
    pub(crate) fn get(&self, seed: u64, make: impl FnOnce() -> T) -> Arc<T> {
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(window) = lock().windows.get(&seed) {
            return Arc::clone(window);
        }
        let window = Arc::new(make());
        let mut known = lock();
        if known.windows.insert(seed, Arc::clone(&window)).is_none() {
            known.order.push_back(seed);
        }
        if known.order.len() > MOST_WINDOWS
            && let Some(oldest) = known.order.pop_front()
        {
            known.windows.remove(&oldest);
        }
        window
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn what_was_made_long_ago_is_made_again() {
        let windows = Windows::default();
        let made = Cell::new(0);
        let get = |seed: u64| {
            let make = || {
                made.set(made.get() + 1);
                seed
            };
            *windows.get(seed, make)
        };
        let most = MOST_WINDOWS as u64;
        for seed in 0..most {
            assert_eq!((get(seed), get(seed)), (seed, seed));
        }
        assert_eq!(made.get(), most, "each once");
        get(most);
        get(0);
        assert_eq!(made.get(), most + 2, "the oldest had to go");
    }
}
