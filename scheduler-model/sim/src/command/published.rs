//! The published protocol as a table.

use serde::Serialize;

use super::{CommandError, EvaluateArgs, plan::Plan, unused::refuse_unused};
use crate::{
    compat::{self, Rule, UnknownRule},
    trace::{Skipped, Windows},
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
    args.refuse_unpublished()?;
    let files = args.source.open()?;
    let plans = args.source.plans(&files)?;
    args.repeat.refuse_unused(&plans)?;
    let [Plan::Swf(log)] = &plans[..] else {
        return Err(CommandError::Usage(
            "--protocol rlscheduler needs one SWF log and nothing else: --trace FILE",
        ));
    };
    let rules = rules(&args.contenders.policies)?;
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

/// By default all, as the published table has them.
fn rules(names: &[String]) -> Result<Vec<Rule>, UnknownRule> {
    if names.is_empty() || names.iter().any(|name| name == "all") {
        return Ok(Rule::ALL.to_vec());
    }
    names.iter().map(|name| name.parse()).collect()
}

impl EvaluateArgs {
    /// What is said of the production scheduler only.
    fn refuse_unpublished(&self) -> Result<(), CommandError> {
        const OTHER: &str = "--protocol redecide";
        if !self.contenders.dispatch.is_empty() || self.contenders.backfill_order.is_some() {
            return Err(CommandError::Usage(
                "--protocol rlscheduler has its own dispatch: of these flags it takes --backfill only",
            ));
        }
        for (flag, is_given) in [
            ("--baseline", self.baseline.is_some()),
            ("--age-cap-s", self.age_cap_s.is_some()),
            ("--noise", self.noise.is_some()),
            ("--output-dir", self.output_dir.is_some()),
        ] {
            refuse_unused(flag, is_given, false, OTHER)?;
        }
        Ok(())
    }
}
