//! Policies by name.

use std::{ops::RangeInclusive, sync::Arc};

use super::{
    Policy, edf, f1, fifo,
    job_first::{self, FairShare},
    llf, node_score,
    priority::{self, Aging},
    saf, shipped, sjf, slack_area, waiting,
};

type Make = fn() -> Arc<dyn Policy>;

/// By name; those that take a number with its default.
const RULES: [(&str, Make); 18] = [
    ("aging", || {
        Arc::new(Aging::new("aging".into(), Aging::DEFAULT_LEVEL_S))
    }),
    ("edf", || Arc::new(edf::EarliestDeadlineFirst)),
    ("edf-admission", || Arc::new(edf::EdfWithAdmission)),
    ("f1", || Arc::new(f1::F1)),
    ("fair", || {
        Arc::new(FairShare::new("fair".into(), FairShare::PLAIN))
    }),
    ("fifo", || Arc::new(fifo::FirstInFirstOut)),
    ("heft", || Arc::new(job_first::UpwardRank)),
    ("llf", || Arc::new(llf::LeastLaxityFirst)),
    ("priority", || Arc::new(priority::HighestPriorityFirst)),
    ("saf", || Arc::new(saf::SmallestAreaFirst)),
    ("score", || Arc::new(node_score::NodeScore)),
    ("sjf", || Arc::new(sjf::ShortestJobFirst)),
    ("sjf-cp", || Arc::new(job_first::ShortestJobCriticalPath)),
    ("slack-area", || Arc::new(slack_area::SlackTimesArea)),
    ("srpt", || Arc::new(job_first::LeastRemainingWork)),
    ("unicep", || Arc::new(waiting::Unicep)),
    ("weighted", || {
        Arc::new(FairShare::new(
            "weighted".into(),
            FairShare::DEFAULT_EXPONENT,
        ))
    }),
    ("wfp3", || Arc::new(waiting::Wfp3)),
];

/// All built-in rules, by name.
pub fn all() -> Vec<Arc<dyn Policy>> {
    RULES.iter().map(|(_, make)| make()).collect()
}

/// Signs of a number behind a name: what is recorded of a decision holds the name, and has 64 bytes in all.
const MOST_DIGITS: usize = 8;

/// Not a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindPolicyError {
    #[error("policy `{name}` does not exist{}; there are {}, {}", suggestion(name), names().join(", "), shipped::NAME)]
    Unknown { name: Box<str> },
    #[error("policy `{name}` takes no number")]
    TakesNoNumber { name: Box<str> },
    #[error("`{number}` in policy `{name}:{number}` must be {wanted}")]
    Number {
        name: Box<str>,
        number: Box<str>,
        wanted: &'static str,
    },
}

fn names() -> [&'static str; RULES.len()] {
    RULES.map(|(name, _)| name)
}

fn suggestion(name: &str) -> String {
    let distances = names().map(|known| (strsim::damerau_levenshtein(name, known), known));
    let learned = (
        strsim::damerau_levenshtein(name, shipped::NAME),
        shipped::NAME,
    );
    let near = distances.into_iter().chain([learned]).min();
    near.filter(|(distance, known)| *distance <= known.len() / 2)
        .map_or(String::new(), |(_, known)| {
            format!(" (did you mean `{known}`?)")
        })
}

/// The policy of that name, which may have a number behind it: `aging:300`, `weighted:-1`. `fcfs` is `fifo`, and `learned` is
/// the network that is shipped.
///
/// # Errors
/// When there is none, or its number makes no sense.
pub fn find(text: &str) -> Result<Arc<dyn Policy>, FindPolicyError> {
    if text == shipped::NAME {
        return Ok(shipped::policy());
    }
    let (name, number) = match text.split_once(':') {
        Some((name, number)) => (name, Some(number)),
        None => (text, None),
    };
    let known = if name == "fcfs" { "fifo" } else { name };
    let rule = RULES.iter().find(|(rule, _)| *rule == known);
    let (_, make) = rule.ok_or_else(|| FindPolicyError::Unknown { name: name.into() })?;
    match number {
        None => Ok(make()),
        Some(number) => with_number(text, name, number),
    }
}

fn with_number(text: &str, name: &str, number: &str) -> Result<Arc<dyn Policy>, FindPolicyError> {
    let read = |range: RangeInclusive<f64>, wanted| {
        let value = number.parse().ok();
        let value = value.filter(|value| range.contains(value) && number.len() <= MOST_DIGITS);
        value.ok_or_else(|| FindPolicyError::Number {
            name: name.into(),
            number: number.into(),
            wanted,
        })
    };
    match name {
        "aging" => {
            let wanted = "the seconds of waiting that are worth one level of priority, from 0.001 to 1e9, in at most 8 signs";
            let level_s = read(0.001..=1e9, wanted)?;
            Ok(Arc::new(Aging::new(text.into(), level_s)))
        }
        "weighted" => {
            let exponent = read(-8.0..=8.0, "an exponent from -8 to 8, in at most 8 signs")?;
            Ok(Arc::new(FairShare::new(text.into(), exponent)))
        }
        _ => Err(FindPolicyError::TakesNoNumber { name: name.into() }),
    }
}
