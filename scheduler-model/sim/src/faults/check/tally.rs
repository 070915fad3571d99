//! Amounts of resources, added up without the model's help.

use drover_model::Resources;

use crate::faults::setting::NAMED;

/// Of each kind, in a fixed order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally([u64; 4 + NAMED.len()]);

impl Tally {
    pub(super) fn of(resources: &Resources) -> Self {
        let mut tally = Self::default();
        tally.0[..4].copy_from_slice(&[
            resources.cpu_millis,
            resources.memory_bytes,
            resources.gpus.into(),
            resources.disk_bytes,
        ]);
        for (name, amount) in &resources.named {
            let place = NAMED.iter().position(|known| *known == &**name);
            tally.0[4 + place.expect("nothing else is asked for")] += amount;
        }
        tally
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (sum, amount) in self.0.iter_mut().zip(other.0) {
            *sum += amount;
        }
    }

    pub(super) fn fits(&self, capacity: &Self) -> bool {
        self.0
            .iter()
            .zip(capacity.0)
            .all(|(part, all)| *part <= all)
    }
}
