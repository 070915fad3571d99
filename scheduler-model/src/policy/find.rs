//! Policies by name.

use std::sync::Arc;

use super::{
    Policy, edf, f1, fifo,
    job_first::{self, FairShare},
    llf, node_score,
    priority::{self, Aging},
    saf, sjf, slack_area, waiting,
};

/// All built-in policies, by name.
pub fn all() -> Vec<Arc<dyn Policy>> {
    NAMES
        .iter()
        .map(|name| find(name).expect("a built-in policy"))
        .collect()
}

const NAMES: [&str; 18] = [
    "aging",
    "edf",
    "edf-admission",
    "f1",
    "fair",
    "fifo",
    "heft",
    "llf",
    "priority",
    "saf",
    "score",
    "sjf",
    "sjf-cp",
    "slack-area",
    "srpt",
    "unicep",
    "weighted",
    "wfp3",
];

/// Not a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindPolicyError {
    #[error("policy `{name}` does not exist{}; there are {}", suggestion(name), NAMES.join(", "))]
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

fn suggestion(name: &str) -> String {
    let near = NAMES
        .iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min()
        .filter(|(distance, known)| *distance <= known.len() / 2);
    near.map_or(String::new(), |(_, known)| {
        format!(" (did you mean `{known}`?)")
    })
}

/// The policy of that name, which may have a number behind it: `aging:300`, `weighted:-1`. `fcfs` is `fifo`.
///
/// # Errors
/// When there is none, or its number makes no sense.
pub fn find(text: &str) -> Result<Arc<dyn Policy>, FindPolicyError> {
    let (name, number) = match text.split_once(':') {
        Some((name, number)) => (name, Some(number)),
        None => (text, None),
    };
    let numbered = |default: f64, is_valid: fn(f64) -> bool, wanted| match number {
        None => Ok((name.into(), default)),
        Some(number) => number
            .parse()
            .ok()
            .filter(|number| is_valid(*number))
            .map(|value| (text.into(), value))
            .ok_or_else(|| FindPolicyError::Number {
                name: name.into(),
                number: number.into(),
                wanted,
            }),
    };
    let plain: Arc<dyn Policy> = match name {
        "aging" => {
            let is_valid = |seconds| (0.001..=1e9).contains(&seconds);
            let wanted =
                "the seconds of waiting that are worth one level of priority, from 0.001 to 1e9";
            let (name, level_s) = numbered(Aging::DEFAULT_LEVEL_S, is_valid, wanted)?;
            return Ok(Arc::new(Aging::new(name, level_s)));
        }
        "weighted" => {
            let is_valid = |exponent: f64| (-8.0..=8.0).contains(&exponent);
            let wanted = "an exponent from -8 to 8";
            let (name, exponent) = numbered(FairShare::DEFAULT_EXPONENT, is_valid, wanted)?;
            return Ok(Arc::new(FairShare::new(name, exponent)));
        }
        "edf" => Arc::new(edf::EarliestDeadlineFirst),
        "edf-admission" => Arc::new(edf::EdfWithAdmission),
        "f1" => Arc::new(f1::F1),
        "fair" => Arc::new(FairShare::new(name.into(), FairShare::PLAIN)),
        "fifo" | "fcfs" => Arc::new(fifo::FirstInFirstOut),
        "heft" => Arc::new(job_first::UpwardRank),
        "llf" => Arc::new(llf::LeastLaxityFirst),
        "priority" => Arc::new(priority::HighestPriorityFirst),
        "saf" => Arc::new(saf::SmallestAreaFirst),
        "score" => Arc::new(node_score::NodeScore),
        "sjf" => Arc::new(sjf::ShortestJobFirst),
        "sjf-cp" => Arc::new(job_first::ShortestJobCriticalPath),
        "slack-area" => Arc::new(slack_area::SlackTimesArea),
        "srpt" => Arc::new(job_first::LeastRemainingWork),
        "unicep" => Arc::new(waiting::Unicep),
        "wfp3" => Arc::new(waiting::Wfp3),
        _ => return Err(FindPolicyError::Unknown { name: name.into() }),
    };
    match number {
        None => Ok(plain),
        Some(_) => Err(FindPolicyError::TakesNoNumber { name: name.into() }),
    }
}
