//! The columns of an observation: their names, and how each is made.

use super::{
    globals::{Globals, area},
    indices::Cost,
    logarithm::ln,
    ranks::RANKED_BY,
    sight::Sight,
};
use crate::inference::Layout;

/// What features of a candidate are made of.
pub(super) struct Terms {
    /// Logarithms: run time in seconds, width by that of the cluster, both together by a second of the cluster.
    log_estimate: f32,
    log_width: f32,
    log_area: f32,
    /// Of the time by which slowdown is measured, in tens of seconds.
    log_floor: f32,
    log_weight: f32,
    /// Work left of the job, in seconds of the cluster; remaining path of the task, in seconds.
    log_work_left: f32,
    log_path: f32,
    is_graph: f32,
    progress: f32,
    log_slowdown: f32,
    is_capped: f32,
    has_deadline: f32,
    urgency: f32,
    log_slack: f32,
    /// From 0 to 1 as its wait comes near the one that counts as starving; 1 beyond.
    starving: f32,
    is_late: f32,
    log_tardiness: f32,
    /// Costs by work, with a short and a long look ahead at deadlines.
    index_short: f32,
    index_long: f32,
    fits: f32,
    /// How much longer it may hold its resources than it is expected to run.
    log_spread: f32,
    /// Its largest share of any resource against its width.
    log_other_demand: f32,
    log_attempts: f32,
    log_tasks: f32,
    /// What its job would hold with it, by the width of the cluster.
    log_held: f32,
    at_home: f32,
    /// Against what is kept for another, 0 where nothing is: how long it would hold resources by the time until that
    /// starts, and its area by that one's.
    log_overlap: f32,
    log_area_by_kept: f32,
}

/// Look ahead at deadlines, in remaining paths.
const SHORT: f32 = 1.0;
const LONG: f32 = 6.0;

fn flag(is: bool) -> f32 {
    f32::from(u8::from(is))
}

impl Terms {
    pub(super) fn of(sight: &Sight, globals: &Globals) -> Self {
        let facts = &sight.facts;
        let cost = Cost::of(sight);
        let area = area(sight);
        let estimate_ms = facts.estimate_ms.max(1) as f32;
        let width = facts.width_millis.max(1) as f32 / globals.total_millis;
        let path_ms = facts.upward_rank_ms.max(1) as f32;
        let work_left = facts.job.work_left.max(1) as f32 / globals.total_millis;
        let slack_ms = cost.slack_ms.unwrap_or(0.0).max(0.0);
        let dominant = sight.dominant_ppm.max(1) as f32 / 1e6;
        let hold_ms = sight.hold_ms.max(1) as f32;
        Self {
            log_estimate: ln(estimate_ms / 1_000.0),
            log_width: ln(width),
            log_area: ln(area / globals.total_millis / 1_000.0),
            log_floor: ln(cost.floor_ms / 10_000.0),
            log_weight: ln(cost.weight),
            log_work_left: ln(work_left),
            log_path: ln(path_ms / 1_000.0),
            is_graph: flag(sight.tasks > 1),
            progress: 1.0 - facts.job.work_left as f32 / facts.job.work.max(1) as f32,
            log_slowdown: ln(1.0 + cost.slowdown),
            is_capped: flag(cost.is_capped()),
            has_deadline: flag(cost.slack_ms.is_some()),
            urgency: cost.urgency(SHORT),
            log_slack: ln(1.0 + slack_ms / path_ms),
            starving: cost.starving(),
            is_late: flag(cost.is_late()),
            log_tardiness: ln(1.0 + cost.tardiness()),
            index_short: cost.index(SHORT, globals.total_millis),
            index_long: cost.index(LONG, globals.total_millis),
            fits: flag(sight.fits),
            log_spread: ln(hold_ms / estimate_ms),
            log_other_demand: ln((dominant / width).max(1.0)),
            log_attempts: ln(1.0 + sight.attempts as f32),
            log_tasks: ln(sight.tasks.max(1) as f32),
            log_held: ln(width + facts.job.held_millis as f32 / globals.total_millis),
            at_home: flag(sight.at_home),
            log_overlap: globals.beside * ln(hold_ms / globals.start_in_ms),
            log_area_by_kept: globals.beside * ln(area / globals.kept_area),
        }
    }
}

/// Names and values side by side, so that neither can be without the other.
macro_rules! columns {
    ($names:ident, $fill:ident($($argument:ident: $kind:ty),*), $($name:literal => $value:expr,)+) => {
        const $names: &[&str] = &[$($name),+];

        /// Appends a value for each name, in order.
        #[inline(always)]
        pub(super) fn $fill(row: &mut Vec<f32>, $($argument: $kind),*) {
            row.extend_from_slice(&[$($value),+]);
        }
    };
}

columns! { CANDIDATE, push_candidate(it: &Terms, all: &Globals),
    "log_estimate" => it.log_estimate,
    "log_width" => it.log_width,
    "log_area" => it.log_area,
    "log_slowdown_floor" => it.log_floor,
    "log_weight" => it.log_weight,
    "log_work_left" => it.log_work_left,
    "log_path" => it.log_path,
    "log_tasks" => it.log_tasks,
    "progress" => it.progress,
    "log_slowdown" => it.log_slowdown,
    "capped" => it.is_capped,
    "starving" => it.starving,
    "starving/log_area" => it.starving * it.log_area,
    "deadline" => it.has_deadline,
    "urgency" => it.urgency,
    "log_slack" => it.log_slack,
    "late" => it.is_late,
    "log_tardiness" => it.log_tardiness,
    "index/short" => it.index_short,
    "index/long" => it.index_long,
    "log_spread" => it.log_spread,
    "log_other_demand" => it.log_other_demand,
    "log_attempts" => it.log_attempts,
    "urgency/log_area" => it.urgency * it.log_area,
    "urgency/log_weight" => it.urgency * it.log_weight,
    "late/log_area" => it.is_late * it.log_area,
    "late/log_weight" => it.is_late * it.log_weight,
    "graph/log_work_left" => it.is_graph * it.log_work_left,
    "graph/log_path" => it.is_graph * it.log_path,
    "graph/log_area" => it.is_graph * it.log_area,
    "graph/log_slack" => it.is_graph * it.log_slack,
    "graph/progress" => it.is_graph * it.progress,
    "graph/log_held" => it.is_graph * it.log_held,
    "graph/home" => it.is_graph * it.at_home,
    "pressure/log_estimate" => all.pressure * it.log_estimate,
    "pressure/log_width" => all.pressure * it.log_width,
    "pressure/log_slowdown_floor" => all.pressure * it.log_floor,
    "pressure/log_weight" => all.pressure * it.log_weight,
    "pressure/index_short" => all.pressure * it.index_short,
    "pressure/log_slowdown" => all.pressure * it.log_slowdown,
    "pressure/log_slack" => all.pressure * it.log_slack,
    "pressure/urgency" => all.pressure * it.urgency,
    "pressure/late" => all.pressure * it.is_late,
    "pressure/deadline" => all.pressure * it.has_deadline,
    "load/log_estimate" => all.offered[1] * it.log_estimate,
    "load/log_width" => all.offered[1] * it.log_width,
    "fits" => it.fits,
    "fits/free" => it.fits * all.free,
    "fits/pressure" => it.fits * all.pressure,
    "fits/load" => it.fits * all.offered[0],
    "fits/log_width" => it.fits * it.log_width,
    "fits/log_estimate" => it.fits * it.log_estimate,
    "fits/unlike" => it.fits * all.unlike,
    "unlike/log_estimate" => all.unlike * it.log_estimate,
    "unlike/log_width" => all.unlike * it.log_width,
    "unlike/log_other_demand" => all.unlike * it.log_other_demand,
    "beside" => it.fits * all.beside,
    "beside/pressure" => it.fits * all.beside * all.pressure,
    "beside/load" => it.fits * all.beside * all.offered[0],
    "beside/unlike" => it.fits * all.beside * all.unlike,
    "beside/graph" => it.fits * all.beside * it.is_graph,
    "beside/free" => it.fits * all.beside * all.free,
    "beside/log_overlap" => it.fits * it.log_overlap,
    "beside/log_overlap_after" => it.fits * it.log_overlap.max(0.0),
    "beside/log_area_by_kept" => it.fits * it.log_area_by_kept,
    "beside/log_width" => it.fits * all.beside * it.log_width,
}

columns! { GLOBAL, push_globals(all: &Globals),
    "log_waiting" => all.log_waiting,
    "free" => all.free,
    "log_free" => all.log_free,
    "pressure" => all.pressure,
    "load/minutes" => all.offered[0],
    "load/hours" => all.offered[1],
    "unlike" => all.unlike,
    "late" => all.late,
    "deadline" => all.with_deadline,
    "graph" => all.graphs,
    "fitting" => all.fitting,
    "beside" => all.beside,
}

/// Columns of a candidate before those of its ranks.
pub(super) const PLAIN: usize = CANDIDATE.len();

/// The column of a rule's rank.
pub(crate) fn rank_column(rule: &str) -> String {
    format!("rank/{}", rule.replace('-', "_"))
}

/// The columns of every observation.
pub fn layout() -> Layout {
    let ranks = RANKED_BY.iter().map(|rule| rank_column(rule));
    let plain = CANDIDATE.iter().map(|name| (*name).to_owned());
    let global = GLOBAL.iter().map(|name| (*name).to_owned());
    Layout::new(plain.chain(ranks), global).expect("names that are well-formed and differ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_one_name() {
        let layout = layout();
        assert_eq!(layout.candidate().len(), PLAIN + RANKED_BY.len());
        assert_eq!(layout.candidate()[PLAIN], "rank/fifo");
        assert_eq!(layout.global().len(), GLOBAL.len());
    }
}
