//! Priority of a job.

use std::{fmt, str::FromStr};

/// 0 (lowest) to 100 (highest).
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
)]
pub struct Priority(u8);

impl Priority {
    pub const LOW: Self = Self(25);
    pub const NORMAL: Self = Self(50);
    pub const HIGH: Self = Self(75);
    pub const URGENT: Self = Self(100);

    /// `None` above 100.
    pub const fn new(value: u32) -> Option<Self> {
        if value <= 100 {
            Some(Self(value as u8))
        } else {
            None
        }
    }

    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for Priority {
    fn default() -> Self {
        Self::NORMAL
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Neither a number from 0 to 100 nor one of the names.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("priority must be low, normal, high, urgent or a number from 0 to 100, not `{0}`")]
pub struct ParsePriorityError(String);

impl FromStr for Priority {
    type Err = ParsePriorityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "low" => Ok(Self::LOW),
            "normal" | "medium" => Ok(Self::NORMAL),
            "high" => Ok(Self::HIGH),
            "urgent" | "critical" => Ok(Self::URGENT),
            _ => text
                .parse()
                .ok()
                .and_then(Self::new)
                .ok_or_else(|| ParsePriorityError(text.to_owned())),
        }
    }
}
