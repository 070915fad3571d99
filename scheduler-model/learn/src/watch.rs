use std::sync::{Mutex, PoisonError};

use drover_model::inference::{Network, Scorer, Scratch, Window};

use crate::Observation;

/// Scores as a network does, and keeps one in so many of the windows that it saw.
#[derive(Debug)]
pub(crate) struct Watch {
    network: Network,
    every: usize,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    count: usize,
    kept: Vec<Observation>,
}

impl Watch {
    pub(crate) fn new(network: Network, every: usize) -> Self {
        Self {
            network,
            every,
            seen: Mutex::default(),
        }
    }

    /// What was kept since the last time.
    pub(crate) fn take(&self) -> Vec<Observation> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut seen.kept)
    }
}

impl Scorer for Watch {
    fn score(&self, window: &Window<'_>, scratch: &mut Scratch, scores: &mut [f32]) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.count += 1;
        if seen.count.is_multiple_of(self.every) {
            seen.kept.push(Observation {
                candidates: window.candidates.to_vec(),
                globals: window.globals.to_vec(),
                eligible: window.eligible.to_vec(),
                closed: Vec::new(),
            });
        }
        self.network.score(window, scratch, scores);
    }

    /// Ranks are to be seen as well.
    fn looks_at(&self, _: usize) -> bool {
        true
    }
}
