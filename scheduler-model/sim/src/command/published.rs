//! The published protocol as a table.

use serde::Serialize;

use super::{CommandError, EvaluateArgs};
use crate::{
    compat::{self, Rule},
    trace::{ReadTraceError, Windows, format::Format, read},
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

/// Without backfill and with it, or with `--backfill` only with it.
///
/// # Errors
/// When the flags ask for what the protocol has not.
pub fn published(args: &EvaluateArgs) -> Result<Vec<PublishedCell>, CommandError> {
    let [path] = &args.source.trace[..] else {
        return Err(CommandError::Usage(
            "--protocol rlscheduler needs one SWF log: --trace FILE",
        ));
    };
    let file = read::open(path, args.source.format)?;
    if file.format != Format::Swf {
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
    let rules = rules
        .map(|name| name.parse())
        .collect::<Result<Vec<Rule>, _>>()?;
    let log = args.source.log(&file.content);
    let log = log.map_err(|source| ReadTraceError::Malformed {
        file: path.clone(),
        source,
    })?;
    let windows = args.source.cut(log.jobs.len());
    let windows = windows.unwrap_or_else(|| Windows::evenly(log.jobs.len(), log.jobs.len(), 1));
    let mut cells = Vec::new();
    for backfill in [false, true] {
        if args.contenders.backfill && !backfill {
            continue;
        }
        for rule in &rules {
            let cell = compat::cell(&log, &windows, *rule, backfill)?;
            cells.push(PublishedCell {
                policy: rule.to_string(),
                backfill,
                bounded_slowdown: cell.bounded_slowdown,
                utilisation: cell.utilisation,
            });
        }
    }
    Ok(cells)
}
