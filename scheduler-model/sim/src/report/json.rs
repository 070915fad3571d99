//! An evaluation as one JSON document.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::evaluate::{Deadlines, Evaluation, Figures, Level, PairedComparison, metric};

/// `{"policies": [{"policy": "saf", "mode": "easy", "bounded_slowdown": {"mean": .., ..}, ..}, ..]}`: one entry for each
/// policy on each workload, with means over its runs ([`Figures::mean_of`]), in full precision. What a run has nothing of
/// is null.
pub fn json(evaluation: &Evaluation) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&Document::of(evaluation))
}

#[derive(Serialize)]
struct Document<'a> {
    policies: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    policy: &'a str,
    mode: &'a str,
    workload: &'a str,
    runs: usize,
    #[serde(flatten)]
    figures: Figures,
    deadline_miss_rate: Option<f64>,
    /// Of the levels that have jobs with a deadline.
    deadline_miss_rate_by_priority: BTreeMap<Level, Option<f64>>,
    /// Of J, with the baseline; null for the baseline itself.
    baseline: Option<Compared>,
}

#[derive(Serialize)]
struct Compared {
    policy: String,
    #[serde(flatten)]
    objective: PairedComparison,
}

impl<'a> Document<'a> {
    fn of(evaluation: &'a Evaluation) -> Self {
        let mut policies = Vec::new();
        for cell in evaluation.cells() {
            for (place, contender) in evaluation.contenders().iter().enumerate() {
                let Some(figures) = cell.mean(place) else {
                    continue;
                };
                policies.push(Entry {
                    policy: &contender.policy,
                    mode: &contender.mode,
                    workload: &cell.workload,
                    runs: cell.runs(place).len(),
                    deadline_miss_rate: figures.deadlines.miss_rate(),
                    deadline_miss_rate_by_priority: by_priority(&figures.deadlines),
                    baseline: compared(evaluation, cell, place),
                    figures,
                });
            }
        }
        Self { policies }
    }
}

fn by_priority(deadlines: &Deadlines) -> BTreeMap<Level, Option<f64>> {
    let levels = deadlines.by_priority.iter().map(|misses| misses.level);
    levels
        .map(|level| (level, deadlines.miss_rate_of(level)))
        .collect()
}

fn compared(
    evaluation: &Evaluation,
    cell: &crate::evaluate::Cell,
    place: usize,
) -> Option<Compared> {
    let objective = evaluation.compare(cell, place, metric("objective")?)?;
    let baseline = &evaluation.contenders()[evaluation.baseline()];
    Some(Compared {
        policy: baseline.to_string(),
        objective,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::evaluate::synthetic::evaluation;

    #[test]
    fn has_the_promised_form() {
        let text = json(&evaluation()).expect("numbers and names");
        let document: Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(document.as_object().expect("an object").len(), 1);
        let policies = document["policies"].as_array().expect("a list");
        assert_eq!(policies.len(), 6);
        let first = &policies[0];
        assert_eq!(
            (&first["policy"], &first["mode"]),
            (&"saf".into(), &"easy".into())
        );
        for part in ["mean", "median", "p95", "p99", "max"] {
            let number = first["bounded_slowdown"][part].as_f64();
            assert!(number.is_some_and(|number| number >= 1.0), "{part}");
        }
        assert!(first["deadline_miss_rate_by_priority"]["low"].is_number());
        assert!(first["baseline"].is_null());
        assert_eq!(policies[1]["baseline"]["policy"], "saf/easy");
        assert!(policies[1]["baseline"]["interval"]["low"].is_number());
    }

    #[test]
    fn equal_evaluations_give_equal_bytes() {
        let bytes = || json(&evaluation()).expect("numbers and names");
        assert_eq!(bytes(), bytes());
    }
}
