//! Measured use of the host.

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::AgentError;

/// Share of cpu since the measurement before, and of memory now, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) cpu_permille: u32,
    pub(crate) memory_permille: u32,
}

#[derive(Debug)]
pub(crate) struct Meter {
    system: System,
}

impl Meter {
    pub(crate) fn new() -> Result<Self, AgentError> {
        let what = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing().with_usage())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        Ok(Self {
            system: System::new_with_specifics(what).map_err(AgentError::Measure)?,
        })
    }

    pub(crate) fn measure(&mut self) -> Use {
        self.system.refresh_cpu_usage();
        self.system
            .refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let total = self.system.total_memory().max(1);
        let memory = self.system.used_memory().saturating_mul(1_000) / total;
        Use {
            cpu_permille: ((self.system.global_cpu_usage() * 10.0).round() as u32).min(1_000),
            memory_permille: u32::try_from(memory).unwrap_or(u32::MAX).min(1_000),
        }
    }
}
