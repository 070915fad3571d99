//! Published parameters.

use rand_distr::Gamma;

/// Shape and scale.
pub(super) type ShapeAndScale = (f64, f64);

/// What the model fits to a log. Its program calls these SERIAL_PROB, POW2_PROB, ULOW and so on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Model {
    /// Share of the jobs that take one processor.
    pub serial: f64,
    /// Share of the jobs whose size is rounded to a power of two.
    pub power_of_two: f64,
    /// Least size of a parallel job, to base 2.
    pub least_log_size: f64,
    /// So much below the largest size (to base 2) the density changes.
    pub middle_below_most: f64,
    /// So much smaller than the machine (to base 2) the largest job is.
    pub most_below_machine: f64,
    /// Share of parallel jobs below the middle.
    pub below_middle: f64,
    /// Gamma distributions of the natural logarithm of the run time in seconds: of short jobs, and of long ones.
    pub log_run: [ShapeAndScale; 2],
    /// Share of short jobs: slope by processors, and what it is without any. Kept between 0 and 1.
    pub short: (f64, f64),
    /// Gamma distribution of the natural logarithm of the gap between arrivals in seconds, at the busiest time.
    pub log_gap: ShapeAndScale,
    /// The shape of `log_gap`, times this, is right for all of a day.
    pub gap_ratio: f64,
    /// Gamma distribution of the half hour of the day in which a job arrives.
    pub half_hour: ShapeAndScale,
}

impl Model {
    /// Jobs of all kinds together.
    pub const ALL: Self = Self {
        serial: 0.244,
        power_of_two: 0.576,
        least_log_size: 0.8,
        middle_below_most: 2.5,
        most_below_machine: 0.0,
        below_middle: 0.86,
        log_run: [(4.2, 0.94), (312.0, 0.03)],
        short: (-0.0054, 0.78),
        log_gap: (10.2303, 0.4871),
        gap_ratio: 1.0225,
        half_hour: (8.1737, 3.9631),
    };

    /// What nobody waits for.
    pub const BATCH: Self = Self {
        serial: 0.2927,
        power_of_two: 0.6686,
        least_log_size: 1.2,
        middle_below_most: 2.0,
        most_below_machine: 0.0,
        below_middle: 0.875,
        log_run: [(6.57, 0.823), (639.1, 0.0156)],
        short: (-0.003, 0.6986),
        log_gap: (6.0415, 0.8531),
        gap_ratio: 1.0519,
        half_hour: (6.1271, 5.2740),
    };

    pub const INTERACTIVE: Self = Self {
        serial: 0.1541,
        power_of_two: 0.625,
        least_log_size: 1.0,
        middle_below_most: 2.5,
        most_below_machine: 1.5,
        below_middle: 0.705,
        log_run: [(3.8351, 0.6605), (7.073, 0.6856)],
        short: (-0.0118, 0.9156),
        log_gap: (6.5510, 0.6621),
        gap_ratio: 0.9797,
        half_hour: (8.9186, 3.6680),
    };

    /// Least, middle and most size to base 2, on such a machine. The program has them for 128 processors, and advises to
    /// move middle and most with the machine.
    pub(super) fn log_sizes(&self, processors: u32) -> (f64, f64, f64) {
        let low = self.least_log_size;
        let high = (f64::from(processors).log2() - self.most_below_machine).max(low);
        (low, (high - self.middle_below_most).max(low), high)
    }

    pub(super) fn short_share(&self, processors: u32) -> f64 {
        let (slope, without) = self.short;
        (slope * f64::from(processors) + without).clamp(0.0, 1.0)
    }
}

/// # Panics
/// When one of both is not a number above 0.
pub(super) fn gamma((shape, scale): ShapeAndScale) -> Gamma<f64> {
    Gamma::new(shape, scale).expect("a shape and a scale above 0")
}
