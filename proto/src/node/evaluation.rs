//! How fast nodes are, and what knowing it is worth.

use drover_model::estimate::{Evaluation, NodeSpeed};

use crate::{Violation, v1};

/// Runs that one evaluation looks at.
pub const MAX_EVALUATED: u32 = 10_000;

/// How many runs are wanted.
///
/// # Errors
/// When they are too many.
pub fn runs_to_evaluate(request: &v1::EvaluateSpeedsRequest) -> Result<u32, Vec<Violation>> {
    match request.attempts {
        0 => Ok(MAX_EVALUATED),
        attempts if attempts <= MAX_EVALUATED => Ok(attempts),
        _ => Err(vec![Violation {
            field: "attempts".to_owned(),
            problem: format!("must be at most {MAX_EVALUATED}"),
        }]),
    }
}

/// For the wire.
pub fn evaluation(evaluation: &Evaluation) -> v1::EvaluateSpeedsResponse {
    let millionths = |micros| micros as f64 / 1_000_000.0;
    v1::EvaluateSpeedsResponse {
        nodes: evaluation.nodes.iter().map(node).collect(),
        trained_on: count(evaluation.trained_on),
        held_out: count(evaluation.held_out),
        error_without: millionths(evaluation.error_without_micros),
        error_with: millionths(evaluation.error_with_micros),
    }
}

fn node(node: &NodeSpeed) -> v1::NodeSpeed {
    v1::NodeSpeed {
        node: node.node.to_string(),
        speed: f64::from(node.speed_permille) / 1_000.0,
        attempts: count(node.runs),
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_runs_are_refused_and_none_means_all() {
        let asked = |attempts| runs_to_evaluate(&v1::EvaluateSpeedsRequest { attempts });
        assert_eq!(asked(0), Ok(MAX_EVALUATED));
        assert_eq!(asked(5), Ok(5));
        let problems = asked(MAX_EVALUATED + 1).unwrap_err();
        assert_eq!(problems[0].to_string(), "attempts: must be at most 10000");
    }

    #[test]
    fn fractions_are_fractions() {
        let wire = evaluation(&Evaluation {
            nodes: vec![NodeSpeed {
                node: "n1".into(),
                speed_permille: 1_500,
                runs: 7,
            }],
            trained_on: 8,
            held_out: 2,
            error_without_micros: 300_000,
            error_with_micros: 20_000,
        });
        assert_eq!((&*wire.nodes[0].node, wire.nodes[0].attempts), ("n1", 7));
        assert!((wire.nodes[0].speed - 1.5).abs() < 1e-9);
        assert_eq!((wire.trained_on, wire.held_out), (8, 2));
        assert!((wire.error_without - 0.3).abs() < 1e-9 && (wire.error_with - 0.02).abs() < 1e-9);
    }
}
