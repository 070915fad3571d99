//! The lease row, and who may take it.

use std::time::Duration;

use drover_model::{Epoch, Timestamp, TurnNumber};
use uuid::Uuid;

use super::{Acquired, Applicant, Lease, StoreError, rows::Place};

#[derive(sqlx::FromRow)]
pub(super) struct LeaseColumns {
    epoch: i64,
    turn: i64,
    holder: String,
    instance: Option<Uuid>,
    remaining_ms: i64,
    model_time: i64,
}

impl LeaseColumns {
    pub(super) fn epoch(&self) -> Result<Epoch, StoreError> {
        Place::in_table("lease")
            .narrowed("epoch", self.epoch)
            .map(Epoch)
    }

    pub(super) fn turn(&self) -> Result<TurnNumber, StoreError> {
        turn(self.turn)
    }

    pub(super) fn model_time(&self) -> Timestamp {
        Timestamp(self.model_time)
    }

    pub(super) fn into_lease(self) -> Result<Lease, StoreError> {
        Ok(Lease {
            epoch: self.epoch()?,
            turn: self.turn()?,
            remaining: self.remaining(),
            holder: self.holder,
        })
    }

    /// Who keeps `applicant` from leading.
    pub(super) fn held_against(
        self,
        applicant: &Applicant,
    ) -> Result<Option<Acquired>, StoreError> {
        let is_own = self.is_of(applicant);
        let Lease {
            epoch,
            holder,
            remaining,
            ..
        } = self.into_lease()?;
        let held = !remaining.is_zero() && !is_own;
        Ok(held.then_some(Acquired::HeldBy {
            holder,
            epoch,
            remaining,
        }))
    }

    fn is_of(&self, applicant: &Applicant) -> bool {
        self.holder == *applicant.address
            && (applicant.succeeds || self.instance == Some(applicant.instance))
    }

    fn remaining(&self) -> Duration {
        let ms = u64::try_from(self.remaining_ms).unwrap_or(0);
        if self.holder.is_empty() {
            Duration::ZERO
        } else {
            Duration::from_millis(ms)
        }
    }

    pub(super) fn require(&self, expected: Epoch) -> Result<(), StoreError> {
        let current = self.epoch()?;
        if current == expected {
            return Ok(());
        }
        Err(StoreError::Fenced {
            expected: expected.0,
            current: current.0,
        })
    }
}

pub(super) fn turn(stored: i64) -> Result<TurnNumber, StoreError> {
    Place::in_table("lease")
        .narrowed("turn", stored)
        .map(TurnNumber)
}

/// A term as the databases take it.
pub(super) fn milliseconds(term: Duration) -> i64 {
    i64::try_from(term.as_millis()).unwrap_or(i64::MAX)
}
