use super::{Facts, Policy};

/// Highest priority first, then oldest.
#[derive(Debug)]
pub(super) struct HighestPriorityFirst;

impl Policy for HighestPriorityFirst {
    fn name(&self) -> &str {
        "priority"
    }

    fn description(&self) -> &str {
        "highest priority first, then oldest job"
    }

    fn key(&self, facts: &Facts) -> i64 {
        -i64::from(facts.priority.get())
    }
}

/// Priority that grows with waiting: one level for each `level_ms`. As all grow alike, the order of `p + (now - s) / level`
/// is that of `s - p * level`, which does not change (Silberschatz, Galvin, Gagne, "Operating System Concepts", 10th
/// edition, section 5.3.4).
#[derive(Debug)]
pub(super) struct Aging {
    name: Box<str>,
    level_ms: i64,
}

impl Aging {
    pub(super) const DEFAULT_LEVEL_S: f64 = 60.0;

    /// With another name for another time than the default.
    pub(super) fn new(name: Box<str>, level_s: f64) -> Self {
        let level_ms = (level_s * 1_000.0) as i64;
        Self { name, level_ms }
    }
}

impl Policy for Aging {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> &str {
        "highest priority first, where waiting raises it: by one level a minute, or aging:SECONDS"
    }

    fn key(&self, facts: &Facts) -> i64 {
        let ahead = i64::from(facts.priority.get()).saturating_mul(self.level_ms);
        facts.submitted_at.0.saturating_sub(ahead)
    }
}
