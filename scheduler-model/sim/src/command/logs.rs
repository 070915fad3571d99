//! Whole logs, for who takes stretches of them.

use super::{
    CommandError,
    source::{RepeatArgs, SourceArgs},
};
use crate::{
    simulate::{self, Rounds},
    trace::{Skipped, Trace},
};

/// A log in memory, and how it is to be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    pub trace: Trace,
    pub rounds: Rounds,
    pub moving_ms: u64,
}

/// Of the files of these flags, one for each pool of GPUs.
///
/// # Errors
/// When a file cannot be read or makes no sense, or a flag says nothing of it.
pub fn logs(source: &SourceArgs) -> Result<Vec<Log>, CommandError> {
    let files = source.open()?;
    let mut logs = Vec::new();
    for plan in source.plans(&files)? {
        let cells = source.cells(&plan, &RepeatArgs::once(1), &mut Skipped::default())?;
        for cell in cells {
            for (_, trace) in cell.traces {
                simulate::check(&trace)?;
                logs.push(Log {
                    trace,
                    rounds: cell.rounds,
                    moving_ms: cell.moving_ms,
                });
            }
        }
    }
    Ok(logs)
}
