//! What starts where: one function, three modes.

use std::{fmt, str::FromStr};

use crate::{JobId, NodeName, Timestamp};

/// What happens when the first in order fits nowhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
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

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Strict => "strict",
            Self::Easy => "easy",
            Self::Greedy => "greedy",
        })
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
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reservation {
    pub job: JobId,
    pub task: u32,
    pub node: NodeName,
    /// When it is expected to fit there.
    pub start: Timestamp,
}
