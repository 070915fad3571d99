//! A candidate at the gate.

use std::sync::Arc;

use drover_model::{PolicyEventKind, PolicySwitch, policy::PolicySource};
use drover_proto::{Violation, v1};

use super::import::check_origin;
use crate::{
    error::{ApiError, Code},
    policies::{
        self, Candidate,
        gate::{self, FEWEST_WINDOWS, Figures, MOST_WINDOWS, Pair, Verdict},
    },
    principal::Principal,
    server::Parts,
};

/// What the history calls it.
const GATE: &str = "gate";

pub(super) async fn offer(
    parts: &Parts,
    request: v1::OfferCandidateRequest,
    who: Principal,
) -> Result<v1::OfferCandidateResponse, ApiError> {
    let origin = check_origin(request.origin.unwrap_or_default())?;
    let candidate = Candidate::check(request.weights, &request.version, origin)?;
    let pairs = pairs(&request.windows)?;
    let incumbent = policies::in_use(&parts.senders).await?.policy;
    if *incumbent != *request.incumbent {
        let message = format!(
            "`{incumbent}` is in use and not `{}`; compare the candidate with that and offer it again",
            request.incumbent
        );
        return Err(ApiError::new(Code::PolicyChanged, message));
    }
    let verdict = gate::judge(&pairs);
    tracing::info!(version = %candidate.version, %who, %verdict, "a candidate is offered");
    decide(parts, &candidate, incumbent, &verdict).await?;
    Ok(v1::OfferCandidateResponse {
        promoted: verdict.is_better(),
        reason: verdict.to_string(),
    })
}

/// Stored it is in any case, so that one can look at what was refused.
async fn decide(
    parts: &Parts,
    candidate: &Candidate,
    incumbent: Arc<str>,
    verdict: &Verdict,
) -> Result<(), ApiError> {
    let (kind, why) = match verdict {
        Verdict::Better(_) => (PolicyEventKind::Import, "offered".to_owned()),
        refused => (PolicyEventKind::Refuse, refused.to_string()),
    };
    if !policies::add(&*parts.store, candidate, kind, GATE, &why).await? {
        let message = format!(
            "version `{}` is taken; offer it under another",
            candidate.version
        );
        return Err(ApiError::new(Code::PolicyExists, message));
    }
    if !verdict.is_better() {
        return Ok(());
    }
    let switch = PolicySwitch {
        policy: PolicySource {
            version: Arc::clone(&candidate.version),
            weights: Some(candidate.weights.clone()),
        },
        instead_of: Some(incumbent),
        kind: PolicyEventKind::Promote,
        who: GATE.into(),
        why: verdict.to_string().into(),
    };
    policies::switch(&parts.senders, switch).await?;
    Ok(())
}

/// # Errors
/// With every figure that makes no sense.
fn pairs(windows: &[v1::WindowComparison]) -> Result<Vec<Pair>, ApiError> {
    if !(FEWEST_WINDOWS..=MOST_WINDOWS).contains(&windows.len()) {
        let problem = format!(
            "there are {}, and {FEWEST_WINDOWS} to {MOST_WINDOWS} are needed",
            windows.len()
        );
        return Err(ApiError::invalid_field("windows", problem));
    }
    let mut violations = Vec::new();
    let mut pairs = Vec::with_capacity(windows.len());
    for (place, window) in windows.iter().enumerate() {
        let mut read = |side: &str, figures: Option<v1::WindowFigures>| {
            let at = format!("windows[{place}].{side}");
            figures_of(&at, figures.unwrap_or_default(), &mut violations)
        };
        pairs.push(Pair {
            candidate: read("candidate", window.candidate),
            incumbent: read("incumbent", window.incumbent),
        });
    }
    if violations.is_empty() {
        Ok(pairs)
    } else {
        Err(ApiError::invalid(violations))
    }
}

fn figures_of(at: &str, said: v1::WindowFigures, violations: &mut Vec<Violation>) -> Figures {
    let mut number = |name: &str, value: f64, least: f64, most: f64| {
        if !(least..=most).contains(&value) {
            violations.push(Violation {
                field: format!("{at}.{name}"),
                problem: format!("is {value}, and must be a number from {least} to {most}"),
            });
        }
        value
    };
    Figures {
        objective: number("objective", said.objective, 0.0, 1e6),
        p99_slowdown: number("p99_slowdown", said.p99_slowdown, 1.0, 1e12),
        miss_share: number("miss_share", said.miss_share, 0.0, 1.0),
        longest_wait_s: number("longest_wait_s", said.longest_wait_s, 0.0, 1e12),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(objective: f64) -> v1::WindowComparison {
        let figures = v1::WindowFigures {
            objective,
            p99_slowdown: 1.0,
            ..Default::default()
        };
        v1::WindowComparison {
            candidate: Some(figures),
            incumbent: Some(figures),
        }
    }

    #[test]
    fn figures_that_make_no_sense_are_named() {
        let mut windows = vec![window(3.0); 10];
        assert_eq!(pairs(&windows).unwrap().len(), 10);
        windows[4].candidate = Some(v1::WindowFigures {
            objective: f64::NAN,
            miss_share: 1.5,
            ..window(3.0).candidate.unwrap()
        });
        windows[7].incumbent = None;
        let fields: Vec<String> = pairs(&windows)
            .unwrap_err()
            .violations
            .into_iter()
            .map(|violation| violation.field)
            .collect();
        let expected = [
            "windows[4].candidate.objective",
            "windows[4].candidate.miss_share",
            "windows[7].incumbent.p99_slowdown",
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn a_few_windows_say_nothing() {
        let refused = pairs(&vec![window(3.0); 9]).unwrap_err();
        assert_eq!(
            refused.message,
            "windows: there are 9, and 10 to 10000 are needed"
        );
    }
}
