//! Flags that say nothing of what is simulated. Whoever gives one expects it to do something, so that it is refused.

use super::{
    CommandError,
    plan::Plan,
    source::{Cut, RepeatArgs, SourceArgs},
};
use crate::trace::format::Format;

/// What is drawn anew with each seed.
pub(super) const DRAWN: &str = "made-up workloads and jobs drawn from TPC-H queries";
const QUERIES: &str = "jobs drawn from TPC-H queries";
const POOLS: &str = "logs of GPU jobs with deadlines";
const LOGS: &str = "SWF logs";

/// # Errors
/// When a flag was given where it says nothing. `purpose`: where it says something.
pub(super) fn refuse_unused(
    flag: &'static str,
    is_given: bool,
    is_used: bool,
    purpose: &'static str,
) -> Result<(), CommandError> {
    if is_given && !is_used {
        return Err(CommandError::Unused { flag, purpose });
    }
    Ok(())
}

impl SourceArgs {
    pub(super) fn refuse_unused(&self, plans: &[Plan<'_>]) -> Result<(), CommandError> {
        let is_for = |formats: &[Format]| {
            let mut found = plans.iter().filter_map(Plan::format);
            found.any(|format| formats.contains(&format))
        };
        let is_made_up = plans.iter().any(|plan| plan.format().is_none());
        let is_queries = is_for(&[Format::Tpch]);
        let is_pool = is_for(&[Format::Philly]);
        let is_whole = is_for(&[Format::Alibaba, Format::History]);
        refuse_unused(
            "--load",
            !self.load.is_empty(),
            is_made_up || is_for(&[Format::Alibaba]),
            "made-up workloads and Alibaba tasks",
        )?;
        refuse_unused(
            "--jobs",
            self.jobs.is_some(),
            is_made_up || is_queries || is_whole,
            "made-up workloads, jobs drawn from TPC-H queries, Alibaba tasks and histories",
        )?;
        refuse_unused(
            "--format",
            self.format.is_some(),
            is_for(&Format::ALL),
            "files",
        )?;
        refuse_unused(
            "--lenient",
            self.lenient,
            is_for(&[Format::Swf, Format::Philly]) || is_whole,
            "files that are read line by line, which all are but those of TPC-H queries",
        )?;
        let processors = self.processors.is_some();
        refuse_unused("--processors", processors, is_for(&[Format::Swf]), LOGS)?;
        refuse_unused("--gpus", !self.gpus.is_empty(), is_pool, POOLS)?;
        refuse_unused("--days", self.days.is_some(), is_pool, POOLS)?;
        refuse_unused("--arrivals", !self.arrivals.is_empty(), is_queries, QUERIES)?;
        refuse_unused("--moving-ms", self.moving_ms.is_some(), is_queries, QUERIES)
    }
}

impl RepeatArgs {
    pub(super) fn refuse_unused(&self, plans: &[Plan<'_>]) -> Result<(), CommandError> {
        let is_drawn = plans.iter().any(Plan::is_drawn);
        let is_log = plans.iter().any(|plan| matches!(plan, Plan::Swf(_)));
        let is_pool = plans.iter().any(|plan| matches!(plan, Plan::Pools(..)));
        refuse_unused("--slices", self.slices.is_some(), is_pool, POOLS)?;
        refuse_unused("--seeds", self.seeds.is_some(), is_drawn, DRAWN)?;
        refuse_unused("--first-seed", self.first_seed.is_some(), is_drawn, DRAWN)?;
        refuse_unused("--windows", self.windows.is_some(), is_log, LOGS)?;
        refuse_unused(
            "--window-length",
            self.window_length.is_some(),
            is_log && self.windows != Some(Cut::Whole),
            "SWF logs that are cut into windows",
        )
    }
}
