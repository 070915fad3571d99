//! A scorer by which an actor decides in a simulation, and which remembers what was decided.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use drover_model::inference::{Scorer, Scratch, Window};
use drover_sim::random::{Purpose, Random};

use super::sight::Sight;
use crate::{Actor, Choice, Observation, act::Room};

/// Ranks a window as an actor would: it is asked which candidate comes first, then which of the others, and so on, until
/// what follows cannot matter before the window is ranked anew. What it is not asked about comes in the order of the index.
///
/// Each answer is a [`Decision`]. With choices drawn by the softmax of scores a ranking is one of the Plackett-Luce model
/// (Plackett, "The Analysis of Permutations", 1975), and the logarithms of its probabilities add up to that of the ranking.
pub(super) struct Recorder {
    actor: Arc<dyn Actor>,
    /// Milliseconds of the trace, kept by the simulation.
    clock: Arc<AtomicU64>,
    /// Candidates that it chooses from: so many of the first of each window.
    window_size: usize,
    state: Mutex<State>,
}

/// Which candidate came next.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) observation: Observation,
    pub(super) choice: Choice,
    pub(super) at_ms: u64,
}

struct State {
    random: Random,
    room: Room,
    /// The row of what fitted nowhere and came first: capacity is kept for it from then on.
    kept: Option<Vec<f32>>,
    decisions: Vec<Decision>,
}

/// After so many the rest of a ranking hardly matters.
const MOST_PICKS: usize = 16;

impl Recorder {
    pub(super) fn new(
        actor: Arc<dyn Actor>,
        clock: Arc<AtomicU64>,
        window_size: usize,
        seed: u64,
    ) -> Self {
        let state = State {
            random: Random::new(seed, Purpose::Exploration),
            room: Room::default(),
            kept: None,
            decisions: Vec::new(),
        };
        Self {
            actor,
            clock,
            window_size,
            state: Mutex::new(state),
        }
    }

    /// All that were made, in order.
    pub(super) fn take(&self) -> Vec<Decision> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut state.decisions)
    }

    /// The first of the ranking, the best first.
    fn rank(&self, window: &Window<'_>, state: &mut State) -> Vec<usize> {
        let sight = Sight::new(window);
        let seen = window.eligible.len().min(self.window_size);
        let columns = window.candidates.len() / window.eligible.len().max(1);
        if !sight.is_beside() {
            state.kept = None;
        }
        let kept = state.kept.as_ref();
        let twins = kept.map_or_else(Vec::new, |kept| sight.like(kept));
        let mut observation = Observation {
            candidates: window.candidates[..seen * columns].to_vec(),
            globals: window.globals.to_vec(),
            eligible: window.eligible[..seen].to_vec(),
            closed: Vec::new(),
        };
        if let Some(kept) = twins.first().filter(|kept| **kept < seen) {
            // What fits nowhere cannot start beside a reservation, so that its place does not matter.
            let others = (0..seen).filter(|place| place != kept && !sight.fits(*place));
            observation.closed.extend(others);
        }
        let mut picks = self.pick(&sight, observation, state);
        match picks.last() {
            Some(last) if !twins.is_empty() && !sight.fits(*last) => {
                let last = *last;
                picks.extend(twins.into_iter().filter(|twin| *twin != last));
            }
            Some(last) if !sight.fits(*last) => state.kept = Some(sight.row(*last)),
            _ => {}
        }
        picks
    }

    fn pick(&self, sight: &Sight<'_>, mut observation: Observation, state: &mut State) -> Vec<usize> {
        let seen = observation.eligible.len();
        let (mut picks, mut width) = (Vec::new(), 0.0);
        while picks.len() < MOST_PICKS {
            let open = seen - observation.closed.len();
            if open == 0 {
                break;
            }
            let State { random, room, .. } = &mut *state;
            let choice = self.actor.choose(&observation, room, random);
            if open > 1 {
                state.decisions.push(Decision {
                    observation: observation.clone(),
                    choice,
                    at_ms: self.clock.load(Ordering::Relaxed),
                });
            }
            let place = choice.candidate;
            picks.push(place);
            width += sight.width(place);
            // The window is ranked anew when half of it has started, or nothing more fits.
            let is_used = seen > 2 && picks.len() * 2 >= seen;
            if !sight.fits(place) || width >= sight.free() || is_used {
                break;
            }
            observation.closed.push(place);
        }
        picks
    }
}

impl Scorer for Recorder {
    fn score(&self, window: &Window<'_>, _: &mut Scratch, scores: &mut [f32]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let picks = self.rank(window, &mut state);
        for (place, score) in scores.iter_mut().enumerate() {
            *score = -(place as f32);
        }
        for (rank, place) in picks.iter().enumerate() {
            scores[*place] = (picks.len() - rank) as f32;
        }
    }

    /// A learner sees everything.
    fn looks_at(&self, _: usize) -> bool {
        true
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Recorder")
            .field("window_size", &self.window_size)
            .finish_non_exhaustive()
    }
}
