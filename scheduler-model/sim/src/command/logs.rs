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
}

/// Of the files of these flags, one for each pool of GPUs.
///
/// # Errors
/// When a file cannot be read, makes no sense or is no log, or a flag says nothing of it.
pub fn logs(source: &SourceArgs) -> Result<Vec<Log>, CommandError> {
    let files = source.open()?;
    let mut logs = Vec::new();
    for plan in source.plans(&files)? {
        if plan.is_drawn() {
            return Err(CommandError::Usage(
                "queries are no log: nothing says when they came; give SWF logs, GPU jobs with deadlines, Alibaba tasks or a history",
            ));
        }
        for cell in source.cells(&plan, &RepeatArgs::once(1), &mut Skipped::default())? {
            for (_, trace) in cell.traces {
                simulate::check(&trace)?;
                let rounds = cell.rounds;
                logs.push(Log { trace, rounds });
            }
        }
    }
    Ok(logs)
}
