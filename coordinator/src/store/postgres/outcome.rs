//! What the server's answer to a commit means.

use drover_model::turn::{CommitOutcome, SealedTurn};

use crate::store::StoreError;

/// Raised by `commit_turn` when a guard matched another number of rows than it must.
const GUARD: &str = "DR001";

pub(super) fn outcome(turn: &SealedTurn, answer: Result<bool, sqlx::Error>) -> CommitOutcome {
    let error = match answer {
        Ok(true) => return CommitOutcome::Done,
        Ok(false) => return CommitOutcome::Fenced,
        Err(error) => error,
    };
    let code = match &error {
        sqlx::Error::Database(error) => error.code(),
        _ => None,
    };
    if code.as_deref() == Some(GUARD) {
        tracing::error!(turn = turn.turn.0, %error, "a guard of a commit failed");
        CommitOutcome::Surprised
    } else if code.as_deref().is_some_and(is_about_content) {
        refused(turn, &error.into())
    } else {
        unknown(turn, &error.into())
    }
}

/// Whether the rows themselves are refused, and would be again. By classes of SQLSTATE (PostgreSQL 15, appendix A):
/// cardinality, data, integrity, triggers, check options, limits of the program, and what a trigger raises. Everything
/// else may pass with time or by an operator's hand, also a full disk (53) or a missing right (42): no job is to blame.
fn is_about_content(code: &str) -> bool {
    matches!(
        code.get(..2),
        Some("21" | "22" | "23" | "27" | "44" | "54" | "P0")
    )
}

pub(super) fn refused(turn: &SealedTurn, error: &StoreError) -> CommitOutcome {
    tracing::error!(turn = turn.turn.0, %error, "the content of a commit was refused");
    CommitOutcome::Refused
}

pub(super) fn unknown(turn: &SealedTurn, error: &StoreError) -> CommitOutcome {
    tracing::warn!(turn = turn.turn.0, %error, "outcome of a commit unknown");
    CommitOutcome::Unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_content_is_refused_for_good() {
        for code in ["22003", "23505", "23514", "54000", "P0001"] {
            assert!(is_about_content(code), "{code}");
        }
        for code in [
            "08006", "25006", "40P01", "42501", "53100", "57014", "57P01", "58030", "XX000",
        ] {
            assert!(!is_about_content(code), "{code}");
        }
    }
}
