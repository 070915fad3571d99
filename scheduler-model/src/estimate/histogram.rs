//! How long something took, as counts.

use super::logarithm::ln_milli;

/// Parts of an octave. A run is known to half the width of its bucket: to 1/32 of itself.
const PARTS: u64 = 16;
const PART_BITS: u32 = PARTS.ilog2();

/// With so many runs all counts are halved, so that what is new counts more.
const RUNS_KEPT: u64 = 4_096;

/// Run times in buckets that grow with them: each octave has 16 of equal width, and below 16 ms each millisecond has its
/// own (G. Tene, HdrHistogram). Integers only, so that it is the same wherever it is computed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Histogram {
    /// Ascending buckets that are not empty, and how many runs fell into each.
    counts: Vec<(u16, u32)>,
    runs: u64,
    /// Sum of ln(middle of the bucket) over the runs, in thousandths.
    log_sum_milli: i64,
    /// Sum of the squares of these logarithms, in millionths.
    log_square_sum: i64,
}

impl Histogram {
    pub(crate) fn record(&mut self, run_ms: u64) {
        self.add(bucket(run_ms), 1);
        if self.runs >= RUNS_KEPT {
            self.halve();
        }
    }

    /// Older runs count less, the oldest not at all.
    pub(crate) fn runs(&self) -> u64 {
        self.runs
    }

    /// The smallest bucket with at least so many thousandths of the runs in and below it (nearest rank), as its middle.
    ///
    /// # Panics
    /// When it is empty.
    pub(crate) fn quantile(&self, permille: u64) -> u64 {
        let rank = (self.runs * permille).div_ceil(1000).max(1);
        let mut below = 0;
        let mut counts = self.counts.iter();
        let found = counts.find(|(_, count)| {
            below += u64::from(*count);
            below >= rank
        });
        let (bucket, _) = found.expect("only what has run has quantiles");
        middle(*bucket)
    }

    /// ln of the geometric mean of the runs, in thousandths.
    ///
    /// # Panics
    /// When it is empty.
    pub(crate) fn mean_ln_milli(&self) -> i64 {
        self.log_sum_milli / i64::try_from(self.runs).expect("at most RUNS_KEPT")
    }

    /// Of the logarithms of the runs, in millionths.
    ///
    /// # Panics
    /// When it is empty.
    pub(super) fn variance(&self) -> i64 {
        let runs = i64::try_from(self.runs).expect("at most RUNS_KEPT");
        // Not by the mean in whole thousandths, which would be wrong by up to one times the mean.
        (runs * self.log_square_sum - self.log_sum_milli * self.log_sum_milli) / (runs * runs)
    }

    pub(crate) fn counts(&self) -> Box<[(u16, u64)]> {
        let counts = self.counts.iter();
        counts
            .map(|(bucket, count)| (*bucket, (*count).into()))
            .collect()
    }

    /// From what was stored.
    pub(crate) fn of_counts(counts: &[(u16, u64)]) -> Self {
        let mut histogram = Self::default();
        for (bucket, count) in counts {
            let count = (*count).min(RUNS_KEPT) as u32;
            histogram.add((*bucket).min(LAST_BUCKET), count);
        }
        while histogram.runs >= RUNS_KEPT {
            histogram.halve();
        }
        histogram
    }

    fn add(&mut self, bucket: u16, count: u32) {
        if count == 0 {
            return;
        }
        match self
            .counts
            .binary_search_by_key(&bucket, |(known, _)| *known)
        {
            Ok(place) => self.counts[place].1 += count,
            Err(place) => self.counts.insert(place, (bucket, count)),
        }
        self.runs += u64::from(count);
        let ln_milli = ln_of_bucket(bucket);
        self.log_sum_milli += i64::from(count) * ln_milli;
        self.log_square_sum += i64::from(count) * ln_milli * ln_milli;
    }

    fn halve(&mut self) {
        let old = std::mem::take(self);
        for (bucket, count) in old.counts {
            self.add(bucket, count / 2);
        }
    }
}

/// ln(run time) in thousandths, as exact as its bucket.
pub(super) fn rough_ln_milli(run_ms: u64) -> i64 {
    ln_of_bucket(bucket(run_ms))
}

fn ln_of_bucket(bucket: u16) -> i64 {
    LN_MILLI[usize::from(bucket)].into()
}

const LAST_BUCKET: u16 = bucket(u64::MAX);

/// Of the middles of all buckets.
static LN_MILLI: [u16; LAST_BUCKET as usize + 1] = {
    let mut all = [0; LAST_BUCKET as usize + 1];
    let mut bucket = 0;
    while bucket < all.len() {
        all[bucket] = ln_milli(middle(bucket as u16)) as u16;
        bucket += 1;
    }
    all
};

const fn bucket(run_ms: u64) -> u16 {
    if run_ms < PARTS {
        return run_ms as u16;
    }
    let octave = run_ms.ilog2();
    let part = (run_ms >> (octave - PART_BITS)) - PARTS;
    ((octave - PART_BITS + 1) as u64 * PARTS + part) as u16
}

const fn middle(bucket: u16) -> u64 {
    let bucket = bucket as u64;
    if bucket < PARTS {
        return bucket;
    }
    let width_bits = (bucket / PARTS - 1) as u32;
    let from = (PARTS + bucket % PARTS) << width_bits;
    from + ((1 << width_bits) >> 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_ascend_without_gaps() {
        let mut last = bucket(0);
        for run_ms in 1..100_000 {
            let bucket = bucket(run_ms);
            assert!(bucket == last || bucket == last + 1, "{run_ms}");
            last = bucket;
        }
        assert_eq!(LAST_BUCKET, 975);
    }

    #[test]
    fn what_is_old_counts_less() {
        let mut histogram = Histogram::default();
        (0..RUNS_KEPT).for_each(|_| histogram.record(1_000));
        (0..RUNS_KEPT).for_each(|_| histogram.record(50));
        assert!(histogram.runs() < RUNS_KEPT);
        assert_eq!(histogram.quantile(500), middle(bucket(50)));
    }

    #[test]
    fn the_variance_is_that_of_the_logarithms() {
        let variance = |runs: &[u64]| {
            let mut histogram = Histogram::default();
            runs.iter().for_each(|run_ms| histogram.record(*run_ms));
            histogram.variance()
        };
        assert_eq!(variance(&[60_000; 7]), 0);
        // ln of 2 apart: half of it to either side of the mean, wherever that is.
        for run_ms in [1 << 10, 1 << 20, 1 << 50] {
            assert!(variance(&[run_ms, 2 * run_ms]).abs_diff(120_100) < 1_000);
        }
        // No sum overflows.
        assert_eq!(variance(&[u64::MAX; RUNS_KEPT as usize - 1]), 0);
    }

    proptest! {
        /// The documented bound, against the exact quantile by nearest rank.
        #[test]
        fn quantiles_are_within_their_error(
            mut runs in proptest::collection::vec(
                (0_u32..50).prop_flat_map(|bits| 0..=1_u64 << bits), 1..200),
            permille in 0_u64..=1000,
        ) {
            let mut histogram = Histogram::default();
            runs.iter().for_each(|run_ms| histogram.record(*run_ms));
            runs.sort_unstable();
            let rank = (runs.len() as u64 * permille).div_ceil(1000).max(1);
            let exact = runs[rank as usize - 1];
            let found = histogram.quantile(permille);
            prop_assert!(found.abs_diff(exact) <= exact / 32, "{found} for {exact}");
        }

        #[test]
        fn what_is_stored_comes_back(
            runs in proptest::collection::vec(0_u64..1 << 40, 0..200),
        ) {
            let mut histogram = Histogram::default();
            runs.iter().for_each(|run_ms| histogram.record(*run_ms));
            prop_assert_eq!(Histogram::of_counts(&histogram.counts()), histogram);
        }
    }
}
