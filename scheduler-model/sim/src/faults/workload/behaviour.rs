//! How what users run behaves.

use drover_model::Outcome;

use crate::random::Random;

/// How attempts of one step tend to go.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    pub run_ms: (u64, u64),
    /// Of each attempt, in thousandths.
    pub fails: u64,
    pub exit_codes: &'static [i32],
    /// Never ends by itself. Only where a limit ends it.
    pub hangs: u64,
    /// Reports no progress and is killed for it by its agent.
    pub stalls: u64,
    /// Cannot even be started.
    pub does_not_start: u64,
    /// Longest time from SIGTERM to its end, if it is not killed before.
    pub term_ms: u64,
}

/// How one attempt goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behaviour {
    pub starts: bool,
    /// `None`: until it is stopped.
    pub run_ms: Option<u64>,
    pub outcome: Outcome,
    pub exit_code: Option<i32>,
    /// From SIGTERM to its end.
    pub term_ms: u64,
    /// What it reports after a SIGTERM.
    pub when_stopped: Outcome,
}

impl Behaviour {
    pub(super) fn draw(profile: &Profile, random: &mut Random) -> Self {
        let starts = !random.chance(profile.does_not_start);
        let hangs = random.chance(profile.hangs);
        let stalls = random.chance(profile.stalls);
        let fails = !starts || random.chance(profile.fails);
        let outcome = match (stalls && starts, fails) {
            (true, _) => Outcome::Stalled,
            (false, true) => Outcome::Failed,
            (false, false) => Outcome::Succeeded,
        };
        Self {
            starts,
            run_ms: (!hangs).then(|| random.between(profile.run_ms.0, profile.run_ms.1)),
            outcome,
            exit_code: match outcome {
                Outcome::Succeeded => Some(0),
                Outcome::Failed if starts => Some(*random.pick(profile.exit_codes)),
                _ => None,
            },
            term_ms: random.below(profile.term_ms + 1),
            // Some finish what they are at.
            when_stopped: if random.chance(100) {
                Outcome::Succeeded
            } else {
                Outcome::Stopped
            },
        }
    }
}
