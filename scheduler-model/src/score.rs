//! How well a node suits a task: seven terms of 0 to 1000 each, weighted.

use std::{fmt, str::FromStr};

/// The terms, in the order in which [`Terms`] and [`Weights`] hold them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Term {
    /// Mean share of each resource that stays free, or that measurement says is idle, whichever is less.
    Free,
    /// 1000 on the nearest of the nodes that are possible, 0 on the farthest.
    Latency,
    /// 1000 on the cheapest of the nodes that are possible, 0 on the dearest.
    Cost,
    /// How near the node's room is to the task's priority: urgent work goes where nobody disturbs it, the rest fills up
    /// what is in use already.
    Priority,
    /// 1000 where the job's last task ran, 500 in the same region.
    Locality,
    /// How much of what the task prefers the node has.
    Preferred,
    /// 1000 on the fastest of the nodes that are compared, as far as is known of work like this; 500 on one half as fast.
    Speed,
}

impl Term {
    pub const ALL: [Self; 7] = [
        Self::Free,
        Self::Latency,
        Self::Cost,
        Self::Priority,
        Self::Locality,
        Self::Preferred,
        Self::Speed,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Latency => "latency",
            Self::Cost => "cost",
            Self::Priority => "priority",
            Self::Locality => "locality",
            Self::Preferred => "preferred",
            Self::Speed => "speed",
        }
    }
}

/// Value of each term, 0 to 1000.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Debug,
    Default,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Terms(pub [u16; 7]);

impl Terms {
    pub fn set(&mut self, term: Term, value: u16) {
        self.0[term as usize] = value;
    }

    pub fn get(&self, term: Term) -> u16 {
        self.0[term as usize]
    }
}

/// A node's score for a task, with what it is made of.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Debug,
    Default,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Score {
    /// 0 to 1000.
    pub total: u16,
    pub terms: Terms,
}

/// How much each term counts, in thousandths; only their ratio matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Weights(pub [u16; 7]);

/// Those of the design, and beside them what users say: it outweighs the rest. Speed counts as much as cost.
impl Default for Weights {
    fn default() -> Self {
        Self([300, 250, 250, 200, 100, 1000, 250])
    }
}

impl Weights {
    /// The weighted mean, 0 to 1000.
    pub fn score(&self, terms: &Terms) -> u16 {
        let all: u32 = self.0.iter().map(|weight| u32::from(*weight)).sum();
        let parts = self.0.iter().zip(terms.0);
        let sum: u32 = parts
            .map(|(weight, term)| u32::from(*weight) * u32::from(term))
            .sum();
        sum.checked_div(all).unwrap_or(0) as u16
    }
}

/// In thousandths. `None`: there is nothing of it.
pub(crate) fn share(part: u64, whole: u64) -> Option<u16> {
    if whole == 0 {
        return None;
    }
    let share = match part.checked_mul(1000) {
        Some(thousand) => thousand / whole,
        None => (u128::from(part) * 1000 / u128::from(whole)) as u64,
    };
    Some(share.min(1000) as u16)
}

/// Of those that are there; 0 when none is.
pub(crate) fn mean<const COUNT: usize>(shares: [Option<u16>; COUNT]) -> u16 {
    let (mut sum, mut count) = (0, 0);
    for share in shares {
        sum += u32::from(share.unwrap_or(0));
        count += u32::from(share.is_some());
    }
    // Most nodes have cpu and memory only.
    match count {
        0 | 1 => sum as u16,
        2 => (sum / 2) as u16,
        count => (sum / count) as u16,
    }
}

impl fmt::Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (term, weight)) in Term::ALL.iter().zip(self.0).enumerate() {
            let comma = if place == 0 { "" } else { "," };
            let (whole, rest) = (weight / 1000, weight % 1000);
            write!(f, "{comma}{}={whole}.{rest:03}", term.as_str())?;
        }
        Ok(())
    }
}

/// Not a list of weights.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseWeightsError {
    #[error("`{0}` is not of the form term=weight, such as free=0.3")]
    Form(String),
    #[error(
        "unknown term `{0}`; the terms are free, latency, cost, priority, locality, preferred and speed"
    )]
    Term(String),
    #[error("weight `{0}` must be a number from 0 to 10, with at most three decimals")]
    Weight(String),
    #[error("at least one weight must be above 0")]
    AllZero,
}

/// `free=0.3,cost=0.5`: the others keep their defaults.
impl FromStr for Weights {
    type Err = ParseWeightsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut weights = Self::default();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (name, weight) = part
                .split_once('=')
                .ok_or_else(|| ParseWeightsError::Form(part.to_owned()))?;
            let place = Term::ALL
                .iter()
                .position(|term| term.as_str() == name.trim())
                .ok_or_else(|| ParseWeightsError::Term(name.to_owned()))?;
            weights.0[place] = permille(weight.trim())
                .ok_or_else(|| ParseWeightsError::Weight(weight.to_owned()))?;
        }
        if weights.0.iter().all(|weight| *weight == 0) {
            return Err(ParseWeightsError::AllZero);
        }
        Ok(weights)
    }
}

/// A decimal number of at most 10 in thousandths.
fn permille(text: &str) -> Option<u16> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || rest.len() > 3 || !is_number(whole) || !is_number(rest) {
        return None;
    }
    let thousandths: u16 = format!("{rest:0<3}").parse().ok()?;
    let whole: u16 = whole.parse().ok()?;
    let all = whole.checked_mul(1000)?.checked_add(thousandths)?;
    (all <= 10_000).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_read_over_their_defaults() {
        let weights: Weights = "cost=1, free=0.05".parse().unwrap();
        assert_eq!(weights, Weights([50, 250, 1000, 200, 100, 1000, 250]));
        assert_eq!(weights.to_string().parse(), Ok(weights));
    }

    #[test]
    fn wrong_weights_are_refused() {
        for (text, problem) in [
            ("free", "not of the form"),
            ("luck=1", "unknown term `luck`"),
            ("free=-1", "weight `-1`"),
            ("free=0.1234", "weight `0.1234`"),
            ("free=11", "weight `11`"),
            (
                "free=0,latency=0,cost=0,priority=0,locality=0,preferred=0,speed=0",
                "above 0",
            ),
        ] {
            let error = text.parse::<Weights>().unwrap_err().to_string();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }

    #[test]
    fn the_score_is_the_weighted_mean() {
        let weights = Weights([300, 0, 100, 0, 0, 0, 0]);
        assert_eq!(weights.score(&Terms([1000, 0, 0, 0, 0, 0, 0])), 750);
        assert_eq!(weights.score(&Terms([1000; 7])), 1000);
    }
}
