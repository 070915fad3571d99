//! What is known of the cluster as a whole.

use super::{
    logarithm::ln,
    sight::{Beside, Sight},
};

/// The cluster around a window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Surroundings {
    /// All tasks that wait, of which the window shows some.
    pub(crate) waiting: usize,
    /// Width of all nodes that may get new work, and of what is free there.
    pub(crate) total_millis: u64,
    pub(crate) free_millis: u64,
    /// Work that arrives, by what these nodes can do: over the last minutes, and over the last hours.
    pub(crate) offered: [f32; 2],
    /// Share of nodes that are not of the most frequent kind.
    pub(crate) unlike_share: f32,
    pub(crate) beside: Option<Beside>,
}

/// The same in the terms of features.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Globals {
    pub(super) log_waiting: f32,
    pub(super) free: f32,
    pub(super) log_free: f32,
    /// Logarithm of how many mean run times it takes to work off what waits.
    pub(super) pressure: f32,
    pub(super) offered: [f32; 2],
    pub(super) unlike: f32,
    /// Shares of the window.
    pub(super) late: f32,
    pub(super) with_deadline: f32,
    pub(super) graphs: f32,
    pub(super) fitting: f32,
    pub(super) beside: f32,
    pub(super) total_millis: f32,
    /// Until what capacity is kept for starts, and its area. 1 where nothing is kept.
    pub(super) start_in_ms: f32,
    pub(super) kept_area: f32,
}

/// More load than that says no more.
const MOST_OFFERED: f32 = 4.0;

impl Globals {
    pub(super) fn of(sights: &[Sight], around: &Surroundings) -> Self {
        let count = sights.len().max(1) as f32;
        let total_millis = around.total_millis.max(1) as f32;
        let share =
            |is: fn(&Sight) -> bool| sights.iter().filter(|sight| is(sight)).count() as f32 / count;
        let area: f32 = sights.iter().map(area).sum();
        let run_ms: f32 = sights.iter().map(|it| it.facts.estimate_ms as f32).sum();
        let mean_ms = (run_ms / count).max(1.0);
        let shown = around.waiting.max(1) as f32 / count;
        let drain_ms = area * shown.max(1.0) / total_millis;
        let free = around.free_millis as f32 / total_millis;
        let kept = around.beside.unwrap_or(Beside {
            start_in_ms: 1,
            area: 1.0,
        });
        Self {
            log_waiting: ln(1.0 + around.waiting as f32),
            free,
            log_free: ln(0.001 + free),
            pressure: ln(1.0 + drain_ms / mean_ms),
            offered: around.offered.map(|load| load.clamp(0.0, MOST_OFFERED)),
            unlike: around.unlike_share,
            late: share(|sight| sight.facts.is_late()),
            with_deadline: share(|sight| sight.facts.deadline.is_some()),
            graphs: share(|sight| sight.tasks > 1),
            fitting: share(|sight| sight.fits),
            beside: f32::from(u8::from(around.beside.is_some())),
            total_millis,
            start_in_ms: kept.start_in_ms.max(1) as f32,
            kept_area: kept.area.max(1.0),
        }
    }
}

/// Estimated run time times width, in milliseconds of a thousandth of a processor.
pub(super) fn area(sight: &Sight) -> f32 {
    sight.facts.estimate_ms.max(1) as f32 * sight.facts.width_millis.max(1) as f32
}
