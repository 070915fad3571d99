//! What starts where: one function, three modes.
//!
//! A round walks the ready tasks in the order of the policy, places each that fits, and returns proposals; nothing
//! changes before the cluster has validated them ([`crate::Event::Dispatch`]). What a round tries is undone at its end;
//! what stays is only what it learned about shapes (`Standing` in `cluster::ready`), which no outcome depends on.
//! Work in a round grows with the number of shapes that wait, not with the number of tasks, unless the policy's keys change:
//! then all that wait are ranked first (`ranked`).

mod claim;
mod expect;
mod gang;
mod oust;
mod place;
mod propose;
mod ranked;
mod reserve;
mod round;
mod seek;
mod sites;
mod sweep;
#[cfg(test)]
mod tests;
mod walk;
mod window;
mod windowed;

use std::{fmt, str::FromStr};

use crate::{JobId, NodeName, Timestamp};

/// A round proposes at most this many, so that a turn stays small; the next round goes on.
pub const PLACEMENTS_PER_ROUND: usize = 4_096;

/// How many nodes that fit are compared for one task.
const NODES_COMPARED: usize = 32;

/// Of [`crate::cluster::Config::held_per_round`]: bounds the search for backfill when a long queue holds nothing short
/// enough.
pub(crate) const HELD_PER_ROUND: usize = 128;

pub(crate) use expect::expected_reservation;
pub(crate) use place::Search;
pub(crate) use round::decide;
pub(crate) use sites::{Site, sites};
pub(crate) use window::Windows;

/// What happens when the first in order fits nowhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub enum Mode {
    /// The round ends.
    Strict,
    /// It gets a reservation; others start only if they do not delay it. (Lifka, "The ANL/IBM SP scheduling system",
    /// JSSPP 1995.)
    #[default]
    Easy,
    /// It is passed over.
    Greedy,
}

impl Mode {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Easy => "easy",
            Self::Greedy => "greedy",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not the name of a mode.
#[derive(Debug, thiserror::Error)]
#[error("dispatch mode must be strict, easy or greedy, not `{0}`")]
pub struct ParseModeError(String);

impl FromStr for Mode {
    type Err = ParseModeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "strict" => Ok(Self::Strict),
            "easy" => Ok(Self::Easy),
            "greedy" => Ok(Self::Greedy),
            _ => Err(ParseModeError(text.to_owned())),
        }
    }
}

/// Capacity kept for a task that fits nowhere now.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Reservation {
    pub job: JobId,
    pub task: u32,
    /// By name; one for each task, so that members of a gang may share one.
    pub nodes: Vec<NodeName>,
    /// When it is expected to fit there.
    pub start: Timestamp,
}
