use std::sync::Arc;

use super::{Learned, Policy};
use crate::inference::Weights;

/// The weights that are part of this program; docs/learned-policy.md has the command that makes them.
const WEIGHTS: &[u8] = include_bytes!("../../../policies/learned.safetensors");

/// What users know the policy by.
pub(super) const NAME: &str = "learned";

pub(super) fn policy() -> Arc<dyn Policy> {
    let policy = Learned::new(NAME, &shipped_weights());
    policy.expect("a test reads what is shipped")
}

/// The weights of the policy `learned`, for those who want to begin with them.
pub fn shipped_weights() -> Weights {
    Weights::from_bytes(WEIGHTS).expect("a test reads what is shipped")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Order, find};

    #[test]
    fn what_is_shipped_can_be_used() {
        let shipped = find(NAME).unwrap();
        assert_eq!((shipped.name(), shipped.order()), (NAME, Order::Window));
    }
}
