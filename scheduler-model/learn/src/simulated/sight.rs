//! What of a window decides how far a ranking of it counts, read from its columns.

use std::sync::LazyLock;

use drover_model::{
    inference::{Layout, Window},
    observation::layout,
};

/// A window that the scheduler has observed.
pub(super) struct Sight<'a> {
    window: &'a Window<'a>,
    columns: &'static Columns,
}

struct Columns {
    count: usize,
    fits: usize,
    log_width: usize,
    free: usize,
    beside: usize,
    /// Columns by which a candidate is known again within a round: nothing that starts in it changes them.
    lasting: Vec<usize>,
}

const LASTING: [&str; 9] = [
    "log_estimate",
    "log_width",
    "log_work_left",
    "log_path",
    "log_weight",
    "log_slowdown",
    "log_slack",
    "log_tasks",
    "log_other_demand",
];

static COLUMNS: LazyLock<Columns> = LazyLock::new(|| Columns::of(&layout()));

impl Columns {
    fn of(layout: &Layout) -> Self {
        let column = |name: &str| layout.column(name).expect("a column that is observed");
        let globals = layout.global();
        let global = |name: &str| {
            let place = globals.iter().position(|global| global == name);
            place.expect("a global feature that is observed")
        };
        Self {
            count: layout.candidate().len(),
            fits: column("fits"),
            log_width: column("log_width"),
            free: global("free"),
            beside: global("beside"),
            lasting: LASTING.map(column).to_vec(),
        }
    }
}

impl<'a> Sight<'a> {
    pub(super) fn new(window: &'a Window<'a>) -> Self {
        Self {
            window,
            columns: &COLUMNS,
        }
    }

    fn value(&self, place: usize, column: usize) -> f32 {
        self.window.candidates[place * self.columns.count + column]
    }

    /// It could start somewhere now.
    pub(super) fn fits(&self, place: usize) -> bool {
        self.value(place, self.columns.fits) > 0.5
    }

    /// Share of the cluster that it asks for.
    pub(super) fn width(&self, place: usize) -> f32 {
        self.value(place, self.columns.log_width).exp()
    }

    /// Share of the cluster that is free.
    pub(super) fn free(&self) -> f32 {
        self.window.globals[self.columns.free]
    }

    /// Capacity is kept for a candidate.
    pub(super) fn is_beside(&self) -> bool {
        self.window.globals[self.columns.beside] > 0.5
    }

    pub(super) fn row(&self, place: usize) -> Vec<f32> {
        let start = place * self.columns.count;
        self.window.candidates[start..start + self.columns.count].to_vec()
    }

    /// Those that fit nowhere and are like a candidate that was seen earlier in the round: itself, and what is all the same.
    pub(super) fn like(&self, row: &[f32]) -> Vec<usize> {
        let is_like = |place: &usize| {
            let mut lasting = self.columns.lasting.iter();
            !self.fits(*place)
                && lasting
                    .all(|column| self.value(*place, *column).to_bits() == row[*column].to_bits())
        };
        (0..self.window.eligible.len()).filter(is_like).collect()
    }
}
