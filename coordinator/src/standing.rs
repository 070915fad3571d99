//! Who leads, as far as this coordinator knows.

use std::sync::Arc;

use drover_model::Epoch;

use crate::error::ApiError;

/// Told by the driver whenever it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// This coordinator does.
    pub(crate) leads: bool,
    /// Of this coordinator's leadership, or of the one it last saw.
    pub(crate) epoch: Epoch,
    /// Where the leader is reached; `None` while nobody leads, or nobody knows.
    pub(crate) leader: Option<Arc<str>>,
}

impl Standing {
    /// What a caller hears who wants something that only a leader can do.
    pub(crate) fn refusal(&self) -> ApiError {
        ApiError::not_leader(self.leader.clone().filter(|_| !self.leads))
    }

    /// # Errors
    /// When this coordinator does not lead.
    pub(crate) fn require_leader(&self) -> Result<(), ApiError> {
        if self.leads {
            Ok(())
        } else {
            Err(self.refusal())
        }
    }
}
