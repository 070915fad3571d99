//! A scorer by which an actor decides in a simulation, and which remembers what was decided.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use drover_model::{
    dispatch::Mode,
    inference::{Scorer, Scratch, Window},
};
use drover_sim::random::{Purpose, Random};

use super::sight::Sight;
use crate::{Actor, Choice, Observation, act::Room};

/// Who decides, and what of a window is theirs to decide.
pub(super) struct Recorder {
    pub(super) actor: Arc<dyn Actor>,
    /// Milliseconds of the trace, kept by the simulation.
    pub(super) clock: Arc<AtomicU64>,
    /// Candidates that it chooses from: so many of the first of each window.
    pub(super) window_size: usize,
    pub(super) mode: Mode,
}

/// Ranks a window as the actor would: it is asked which candidate comes first, then which of the others, and so on, until
/// what follows cannot matter before the window is ranked anew. What it is not asked about comes in the order of the index.
///
/// Each answer is a [`Decision`]. With choices drawn by the softmax of scores a ranking is one of the Plackett-Luce model
/// (Plackett, "The Analysis of Permutations", 1975), and the logarithms of its probabilities add up to that of the ranking.
pub(super) struct Recording {
    recorder: Recorder,
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
    /// For the episode of that seed.
    pub(super) fn begin(self, seed: u64) -> Recording {
        let state = State {
            random: Random::new(seed, Purpose::Exploration),
            room: Room::default(),
            kept: None,
            decisions: Vec::new(),
        };
        Recording {
            recorder: self,
            state: Mutex::new(state),
        }
    }

    fn observe(&self, window: &Window<'_>) -> Observation {
        let seen = window.eligible.len().min(self.window_size);
        let columns = window.candidates.len() / window.eligible.len().max(1);
        Observation {
            candidates: window.candidates[..seen * columns].to_vec(),
            globals: window.globals.to_vec(),
            eligible: window.eligible[..seen].to_vec(),
            closed: Vec::new(),
        }
    }

    /// The first of the ranking, the best first.
    fn rank(&self, window: &Window<'_>, state: &mut State) -> Vec<usize> {
        let sight = Sight::new(window);
        if !sight.is_beside() {
            state.kept = None;
        }
        let kept = state.kept.as_ref();
        let twins = kept.map_or_else(Vec::new, |kept| sight.like(kept));
        let mut observation = self.observe(window);
        let seen = observation.eligible.len();
        let kept = twins.first().filter(|kept| **kept < seen);
        if kept.is_some() || self.mode == Mode::Greedy {
            // What fits nowhere and has nothing kept for it cannot start, so that its place does not matter.
            let others = (0..seen).filter(|place| Some(place) != kept && !sight.fits(*place));
            observation.closed.extend(others);
        }
        let mut picks = self.pick(&sight, observation, state);
        match picks.last() {
            Some(last) if !sight.fits(*last) && twins.is_empty() => {
                state.kept = Some(sight.row(*last));
            }
            Some(last) if !sight.fits(*last) => {
                let last = *last;
                picks.extend(twins.into_iter().filter(|twin| *twin != last));
            }
            _ => {}
        }
        picks
    }

    fn pick(&self, sight: &Sight<'_>, mut seen: Observation, state: &mut State) -> Vec<usize> {
        let count = seen.eligible.len();
        let (mut picks, mut width) = (Vec::new(), 0.0);
        while picks.len() < MOST_PICKS && seen.closed.len() < count {
            let State { random, room, .. } = &mut *state;
            let choice = self.actor.choose(&seen, room, random);
            if count - seen.closed.len() > 1 {
                state.decisions.push(Decision {
                    observation: seen.clone(),
                    choice,
                    at_ms: self.clock.load(Ordering::Relaxed),
                });
            }
            let place = choice.candidate;
            picks.push(place);
            width += sight.width(place);
            // The window is ranked anew when half of it has started, or nothing more fits.
            let is_used = count > 2 && picks.len() * 2 >= count;
            if !sight.fits(place) || width >= sight.free() || is_used {
                break;
            }
            seen.closed.push(place);
        }
        picks
    }
}

impl Recording {
    /// All decisions that were made, in order.
    pub(super) fn take(&self) -> Vec<Decision> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut state.decisions)
    }
}

impl Scorer for Recording {
    fn score(&self, window: &Window<'_>, _: &mut Scratch, scores: &mut [f32]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let picks = self.recorder.rank(window, &mut state);
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

impl fmt::Debug for Recording {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Recording").finish_non_exhaustive()
    }
}
