//! Logs of GPU jobs with deadlines, for pools of so many GPUs.

use drover_model::dispatch::Mode;

use super::{
    CommandError,
    cell::Cell,
    plan::Opened,
    source::{RepeatArgs, SourceArgs},
};
use crate::{
    evaluate::Counted,
    simulate::Rounds,
    trace::{Skipped, Trace, philly},
};

const DAY_MS: u64 = 1_440 * 60_000;

/// How long a log of GPU jobs fills the pool before anything counts.
const POOL_FILLS_MS: u64 = 2 * DAY_MS;

impl SourceArgs {
    /// Its times are whole minutes, so that rounds are held when all of a minute is done.
    pub(super) fn gpu_jobs(
        &self,
        opened: &Opened,
        gpus: &[u32],
        repeat: &RepeatArgs,
        skipped: &mut Skipped,
    ) -> Result<Vec<Cell>, CommandError> {
        let file = &opened.file;
        let log = philly::parse(&file.content, self.lenient);
        let log = log.map_err(|source| opened.malformed(source))?;
        skipped.merge(&log.skipped);
        let pool = |gpus: &u32| {
            let trace = log.trace(&file.name, *gpus, self.days.as_ref())?;
            Ok(Cell {
                counted: counted_days(&trace),
                slices: repeat.slices.unwrap_or(1),
                mode: Mode::Greedy,
                rounds: Rounds::EachMoment,
                ..Cell::new(format!("{} {gpus} gpus", file.name), vec![(0, trace)])
            })
        };
        gpus.iter().map(pool).collect()
    }
}

/// After the pool has filled, and before the last minute of the log, in which its reference tables stop.
fn counted_days(trace: &Trace) -> Counted {
    let last = trace.jobs.last().map_or(0, |job| job.submitted_ms);
    if last <= POOL_FILLS_MS {
        return Counted::All;
    }
    let first = trace.jobs.first().map_or(0, |job| job.submitted_ms);
    // Of chosen days the first fills the pool.
    let begin = match first {
        0..=POOL_FILLS_MS => POOL_FILLS_MS,
        _ => (first / DAY_MS + 1) * DAY_MS,
    };
    Counted::Submitted(begin..last)
}
