//! The published protocol as a table.

use serde::Serialize;

use super::{CommandError, EvaluateArgs};
use crate::{
    compat::{self, Rule},
    trace::{Skipped, Windows, format::Format},
};

/// One rule with or without backfill.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PublishedCell {
    pub policy: String,
    pub backfill: bool,
    /// Mean over jobs, then over windows.
    pub bounded_slowdown: f64,
    pub utilisation: f64,
}

/// Without backfill and with it, or with `--backfill` only with it. With the lines that were passed over.
///
/// # Errors
/// When the flags ask for what the protocol has not.
pub fn published(args: &EvaluateArgs) -> Result<(Vec<PublishedCell>, Skipped), CommandError> {
    let files = args.source.open()?;
    let [log] = &files[..] else {
        return Err(CommandError::Usage(
            "--protocol rlscheduler needs one SWF log: --trace FILE",
        ));
    };
    if log.file.format != Format::Swf || !args.source.workload.is_empty() {
        return Err(CommandError::Usage(
            "--protocol rlscheduler is for SWF logs only",
        ));
    }
    if !args.contenders.dispatch.is_empty() || args.contenders.backfill_order.is_some() {
        return Err(CommandError::Usage(
            "--protocol rlscheduler has its own dispatch: of these flags it takes --backfill only",
        ));
    }
    let rules = args.contenders.policies.iter();
    let rules = rules.map(|name| name.parse());
    let rules = rules.collect::<Result<Vec<Rule>, _>>()?;
    let log = args.source.log(log)?;
    let windows = args.repeat.cut(log.jobs.len())?;
    let windows = windows.unwrap_or_else(|| Windows::evenly(log.jobs.len(), log.jobs.len(), 1));
    let backfills = if args.contenders.backfill {
        &[true][..]
    } else {
        &[false, true]
    };
    let mut cells = Vec::new();
    for backfill in backfills {
        for rule in &rules {
            let cell = compat::cell(&log, &windows, *rule, *backfill)?;
            cells.push(PublishedCell {
                policy: rule.to_string(),
                backfill: *backfill,
                bounded_slowdown: cell.bounded_slowdown,
                utilisation: cell.utilisation,
            });
        }
    }
    Ok((cells, log.skipped))
}
