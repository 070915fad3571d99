//! How much work has arrived lately.

use crate::Timestamp;

/// Over about so long: minutes and hours.
const SPANS_MS: [f64; 2] = [600_000.0, 7_200_000.0];

/// Work that arrived, where what is older counts less. Soft: a load begins anew.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Arrivals {
    at: Timestamp,
    /// Milliseconds of one processor.
    work: [f64; 2],
}

impl Arrivals {
    pub(super) fn note(&mut self, now: Timestamp, work: u64) {
        self.work = self.work_at(now).map(|old| old + work as f64);
        self.at = now;
    }

    /// Work that arrived in a while, by what so much width does in it.
    pub(crate) fn offered(&self, now: Timestamp, width_millis: u64) -> [f32; 2] {
        let processors = width_millis.max(1) as f64 / 1_000.0;
        let work = self.work_at(now);
        std::array::from_fn(|span| (work[span] / SPANS_MS[span] / processors) as f32)
    }

    /// Falls by a factor of e in each span, nearly so where little time passes between two arrivals.
    fn work_at(&self, now: Timestamp) -> [f64; 2] {
        let passed_ms = now.since(self.at) as f64;
        std::array::from_fn(|span| self.work[span] / (1.0 + passed_ms / SPANS_MS[span]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_rate_is_found_and_forgotten() {
        let mut arrivals = Arrivals::default();
        // Eight processors of ten are busy with what comes each second.
        for second in 1..40_000 {
            arrivals.note(Timestamp(second * 1_000), 8_000);
        }
        let now = Timestamp(40_000_000);
        let [minutes, hours] = arrivals.offered(now, 10_000);
        assert!((minutes - 0.8).abs() < 0.01, "{minutes}");
        assert!((hours - 0.8).abs() < 0.02, "{hours}");
        let [minutes, hours] = arrivals.offered(now.plus_ms(3_600_000), 10_000);
        assert!(minutes < 0.2 && hours > 0.4, "{minutes}, {hours}");
    }
}
