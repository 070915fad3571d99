//! What tasks need and nodes have.

use std::{fmt, sync::Arc};

/// Amounts of every kind of resource. Integers, so that sums are exact.
#[derive(
    Clone,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Default,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Resources {
    /// 1000 is one core.
    pub cpu_millis: u64,
    pub memory_bytes: u64,
    pub gpus: u32,
    pub disk_bytes: u64,
    /// What a site counts besides, such as licences: by name, and none of them 0. Few have any.
    pub named: Vec<(Arc<str>, u64)>,
}

/// The kinds of resource.
#[derive(
    Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
)]
pub enum Resource {
    Cpu,
    Memory,
    Gpu,
    Disk,
    Named(Arc<str>),
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Gpu => "gpu",
            Self::Disk => "disk",
            Self::Named(name) => name,
        })
    }
}

impl Resources {
    pub const ZERO: Self = Self {
        cpu_millis: 0,
        memory_bytes: 0,
        gpus: 0,
        disk_bytes: 0,
        named: Vec::new(),
    };

    /// True when `self` can be taken out of `free`.
    pub fn fits(&self, free: &Self) -> bool {
        self.cpu_millis <= free.cpu_millis
            && self.memory_bytes <= free.memory_bytes
            && self.gpus <= free.gpus
            && self.disk_bytes <= free.disk_bytes
            && self.lacks_named(free).is_none()
    }

    /// How often `self` can be taken out of `free`, counted up to `most`.
    pub fn times_in(&self, free: &Self, most: u32) -> u32 {
        let plain = [
            (self.cpu_millis, free.cpu_millis),
            (self.memory_bytes, free.memory_bytes),
            (self.gpus.into(), free.gpus.into()),
            (self.disk_bytes, free.disk_bytes),
        ];
        let named = self.named.iter();
        let named = named.map(|(name, wanted)| (*wanted, free.named(name)));
        plain
            .into_iter()
            .chain(named)
            .filter_map(|(wanted, free)| free.checked_div(wanted))
            .fold(most, |least, times| {
                least.min(u32::try_from(times).unwrap_or(u32::MAX))
            })
    }

    /// So much for each of `count`; no more than can be counted.
    #[must_use]
    pub fn saturating_mul(&self, count: u32) -> Self {
        let times = |amount: u64| amount.saturating_mul(count.into());
        Self {
            cpu_millis: times(self.cpu_millis),
            memory_bytes: times(self.memory_bytes),
            gpus: self.gpus.saturating_mul(count),
            disk_bytes: times(self.disk_bytes),
            named: self
                .named
                .iter()
                .map(|(name, amount)| (Arc::clone(name), times(*amount)))
                .collect(),
        }
    }

    /// The first kind of which `self` asks for more than `available` holds.
    pub fn exceeds(&self, available: &Self) -> Option<Resource> {
        if self.cpu_millis > available.cpu_millis {
            Some(Resource::Cpu)
        } else if self.memory_bytes > available.memory_bytes {
            Some(Resource::Memory)
        } else if self.gpus > available.gpus {
            Some(Resource::Gpu)
        } else if self.disk_bytes > available.disk_bytes {
            Some(Resource::Disk)
        } else {
            self.lacks_named(available)
                .map(|name| Resource::Named(Arc::clone(name)))
        }
    }

    pub fn get(&self, resource: &Resource) -> u64 {
        match resource {
            Resource::Cpu => self.cpu_millis,
            Resource::Memory => self.memory_bytes,
            Resource::Gpu => self.gpus.into(),
            Resource::Disk => self.disk_bytes,
            Resource::Named(name) => self.named(name),
        }
    }

    /// Amount of a resource that a site counts itself; 0 when there is none.
    pub fn named(&self, name: &str) -> u64 {
        self.named
            .binary_search_by(|(other, _)| (**other).cmp(name))
            .map_or(0, |place| self.named[place].1)
    }

    fn lacks_named(&self, available: &Self) -> Option<&Arc<str>> {
        let mut named = self.named.iter();
        named
            .find(|(name, amount)| *amount > available.named(name))
            .map(|(name, _)| name)
    }

    /// In thousandths of a processor: cpu, or gpus where these are more.
    pub fn width_millis(&self) -> u64 {
        self.cpu_millis.max(u64::from(self.gpus) * 1_000)
    }

    /// The largest part that any resource of this takes of a capacity, as a fraction.
    pub fn dominant_share(&self, capacity: &Self) -> (u64, u64) {
        let kinds = [
            (self.cpu_millis, capacity.cpu_millis),
            (self.memory_bytes, capacity.memory_bytes),
            (self.gpus.into(), capacity.gpus.into()),
            (self.disk_bytes, capacity.disk_bytes),
        ];
        let larger = |(part, all): &(u64, u64), (other, of): &(u64, u64)| {
            (u128::from(*part) * u128::from(*of)).cmp(&(u128::from(*other) * u128::from(*all)))
        };
        let known = kinds.into_iter().filter(|(_, all)| *all > 0);
        known.max_by(larger).unwrap_or((0, 1))
    }

    /// Adds what an attempt gives back.
    pub fn add(&mut self, other: &Self) {
        self.cpu_millis += other.cpu_millis;
        self.memory_bytes += other.memory_bytes;
        self.gpus += other.gpus;
        self.disk_bytes += other.disk_bytes;
        self.merge_named(other, |mine, others| mine + others);
    }

    /// Takes out what an attempt reserves.
    ///
    /// # Panics
    /// When `other` does not fit: the caller must have checked.
    pub fn subtract(&mut self, other: &Self) {
        assert!(other.fits(self), "{other:?} does not fit into {self:?}");
        self.cpu_millis -= other.cpu_millis;
        self.memory_bytes -= other.memory_bytes;
        self.gpus -= other.gpus;
        self.disk_bytes -= other.disk_bytes;
        self.merge_named(other, |mine, others| mine - others);
    }

    /// What is left of each kind; nothing where `other` is larger.
    #[must_use]
    pub fn saturating_sub(&self, other: &Self) -> Self {
        let mut left = Self::ZERO;
        left.set_difference(self, other);
        left
    }

    /// What is left of `all` beside `taken`; nothing where that is larger.
    pub fn set_difference(&mut self, all: &Self, taken: &Self) {
        self.cpu_millis = all.cpu_millis.saturating_sub(taken.cpu_millis);
        self.memory_bytes = all.memory_bytes.saturating_sub(taken.memory_bytes);
        self.gpus = all.gpus.saturating_sub(taken.gpus);
        self.disk_bytes = all.disk_bytes.saturating_sub(taken.disk_bytes);
        // Most sites name nothing.
        if all.named.is_empty() {
            return self.named.clear();
        }
        self.named.clone_from(&all.named);
        self.named.retain_mut(|(name, amount)| {
            *amount = amount.saturating_sub(taken.named(name));
            *amount > 0
        });
    }

    /// The largest amount of each kind that any of them has.
    pub fn most<'a>(of: impl Iterator<Item = &'a Self>) -> Self {
        let mut most = Self::ZERO;
        for one in of {
            most.cpu_millis = most.cpu_millis.max(one.cpu_millis);
            most.memory_bytes = most.memory_bytes.max(one.memory_bytes);
            most.gpus = most.gpus.max(one.gpus);
            most.disk_bytes = most.disk_bytes.max(one.disk_bytes);
            // Most name nothing, and this is on the path of every round.
            if !one.named.is_empty() {
                most.merge_each(one, u64::max);
            }
        }
        most
    }

    /// Whether it has as much as `most` of anything that `demand` takes.
    pub(crate) fn reaches(&self, most: &Self, demand: &Self) -> bool {
        (demand.cpu_millis > 0 && self.cpu_millis >= most.cpu_millis)
            || (demand.memory_bytes > 0 && self.memory_bytes >= most.memory_bytes)
            || (demand.gpus > 0 && self.gpus >= most.gpus)
            || (demand.disk_bytes > 0 && self.disk_bytes >= most.disk_bytes)
            || !demand.named.is_empty()
    }

    /// Combines the amounts of whatever `other` names, which mostly is nothing.
    #[inline]
    fn merge_named(&mut self, other: &Self, combine: impl Fn(u64, u64) -> u64) {
        if !other.named.is_empty() {
            self.merge_each(other, combine);
        }
    }

    fn merge_each(&mut self, other: &Self, combine: impl Fn(u64, u64) -> u64) {
        for (name, amount) in &other.named {
            match self.named.binary_search_by(|(mine, _)| mine.cmp(name)) {
                Ok(place) => {
                    let combined = combine(self.named[place].1, *amount);
                    if combined == 0 {
                        self.named.remove(place);
                    } else {
                        self.named[place].1 = combined;
                    }
                }
                Err(place) => {
                    let combined = combine(0, *amount);
                    if combined > 0 {
                        self.named.insert(place, (Arc::clone(name), combined));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_counted_by_the_scarcest() {
        let one = Resources {
            cpu_millis: 500,
            memory_bytes: 10,
            named: vec![("licence".into(), 2)],
            ..Resources::ZERO
        };
        let free = Resources {
            cpu_millis: 4_000,
            memory_bytes: 100,
            named: vec![("licence".into(), 7)],
            ..Resources::ZERO
        };
        assert_eq!(one.times_in(&free, 100), 3);
        assert_eq!(one.times_in(&free, 2), 2);
        assert_eq!(one.times_in(&Resources::ZERO, 100), 0);
        assert_eq!(Resources::ZERO.times_in(&free, 100), 100);
        assert!(one.saturating_mul(3).fits(&free) && !one.saturating_mul(4).fits(&free));
    }
}
