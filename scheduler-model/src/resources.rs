//! What tasks need and nodes have.

use std::fmt;

/// Amounts of every kind of resource. Integers, so that sums are exact.
#[derive(
    Clone,
    Copy,
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
}

/// The kinds of resource.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
)]
pub enum Resource {
    Cpu,
    Memory,
    Gpu,
    Disk,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Gpu => "gpu",
            Self::Disk => "disk",
        })
    }
}

impl Resources {
    pub const ZERO: Self = Self {
        cpu_millis: 0,
        memory_bytes: 0,
        gpus: 0,
        disk_bytes: 0,
    };

    /// True when `self` can be taken out of `free`.
    pub const fn fits(&self, free: &Self) -> bool {
        self.cpu_millis <= free.cpu_millis
            && self.memory_bytes <= free.memory_bytes
            && self.gpus <= free.gpus
            && self.disk_bytes <= free.disk_bytes
    }

    /// The first kind of which `self` asks for more than `available` holds.
    pub const fn exceeds(&self, available: &Self) -> Option<Resource> {
        if self.cpu_millis > available.cpu_millis {
            Some(Resource::Cpu)
        } else if self.memory_bytes > available.memory_bytes {
            Some(Resource::Memory)
        } else if self.gpus > available.gpus {
            Some(Resource::Gpu)
        } else if self.disk_bytes > available.disk_bytes {
            Some(Resource::Disk)
        } else {
            None
        }
    }

    pub const fn get(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Cpu => self.cpu_millis,
            Resource::Memory => self.memory_bytes,
            Resource::Gpu => self.gpus as u64,
            Resource::Disk => self.disk_bytes,
        }
    }

    /// Adds what an attempt gives back.
    pub fn add(&mut self, other: &Self) {
        self.cpu_millis += other.cpu_millis;
        self.memory_bytes += other.memory_bytes;
        self.gpus += other.gpus;
        self.disk_bytes += other.disk_bytes;
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
    }

    /// What is left of each kind; nothing where `other` is larger.
    #[must_use]
    pub fn saturating_sub(&self, other: &Self) -> Self {
        Self {
            cpu_millis: self.cpu_millis.saturating_sub(other.cpu_millis),
            memory_bytes: self.memory_bytes.saturating_sub(other.memory_bytes),
            gpus: self.gpus.saturating_sub(other.gpus),
            disk_bytes: self.disk_bytes.saturating_sub(other.disk_bytes),
        }
    }

    /// The larger amount of each kind.
    #[must_use]
    pub fn component_max(&self, other: &Self) -> Self {
        Self {
            cpu_millis: self.cpu_millis.max(other.cpu_millis),
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
            gpus: self.gpus.max(other.gpus),
            disk_bytes: self.disk_bytes.max(other.disk_bytes),
        }
    }
}
