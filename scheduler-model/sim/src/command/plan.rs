//! What is to be simulated, before any of it is made or parsed.

use std::path::PathBuf;

use super::{
    CommandError,
    source::{QueryArrivals, SourceArgs},
};
use crate::{
    trace::{
        ParseTraceError, ReadTraceError,
        format::Format,
        read::{self, TraceFile},
    },
    workload::{self, FAMILIES, Family},
};

/// A file in memory.
pub(super) struct Opened {
    path: PathBuf,
    pub(super) file: TraceFile,
}

/// Cells that are made when their turn has come, so that not all traces are in memory.
pub(super) enum Plan<'a> {
    Family(Family, f64),
    Swf(&'a Opened),
    Alibaba(&'a Opened),
    History(&'a Opened),
    /// A log of GPU jobs, for pools of so many.
    Pools(&'a Opened, &'a [u32]),
    /// Queries that are drawn from together, as they arrive.
    Queries(Vec<&'a Opened>, &'a [QueryArrivals]),
}

impl Plan<'_> {
    /// Of the files. `None`: it is made up.
    pub(super) fn format(&self) -> Option<Format> {
        match self {
            Self::Family(..) => None,
            Self::Swf(_) => Some(Format::Swf),
            Self::Alibaba(_) => Some(Format::Alibaba),
            Self::History(_) => Some(Format::History),
            Self::Pools(..) => Some(Format::Philly),
            Self::Queries(..) => Some(Format::Tpch),
        }
    }

    /// Whether another seed gives other jobs.
    pub(super) fn is_drawn(&self) -> bool {
        matches!(self, Self::Family(..) | Self::Queries(..))
    }

    /// How many cells it makes.
    pub(super) fn cells(&self) -> usize {
        match self {
            Self::Family(..) | Self::Swf(_) | Self::Alibaba(_) | Self::History(_) => 1,
            Self::Pools(_, gpus) => gpus.len(),
            Self::Queries(_, arrivals) => arrivals.len(),
        }
    }
}

impl Opened {
    pub(super) fn malformed(&self, source: ParseTraceError) -> CommandError {
        CommandError::Trace(ReadTraceError::Malformed {
            file: self.path.clone(),
            source,
        })
    }
}

impl SourceArgs {
    pub(super) fn open(&self) -> Result<Vec<Opened>, CommandError> {
        let open = |path: &PathBuf| {
            Ok(Opened {
                path: path.clone(),
                file: read::open(path, self.format)?,
            })
        };
        self.trace.iter().map(open).collect()
    }

    /// # Errors
    /// When there is nothing to simulate, or a flag says nothing of it.
    pub(super) fn plans<'a>(&'a self, files: &'a [Opened]) -> Result<Vec<Plan<'a>>, CommandError> {
        if files.is_empty() && self.workload.is_empty() {
            return Err(CommandError::Usage(
                "say what to simulate: --workload steady (or all), or --trace FILE",
            ));
        }
        let mut plans = Vec::new();
        for family in self.families()? {
            let at = |load: &f64| Plan::Family(family, *load);
            plans.extend(self.loads().iter().map(at));
        }
        let mut queries = Vec::new();
        for opened in files {
            match opened.file.format {
                Format::Swf => plans.push(Plan::Swf(opened)),
                Format::Alibaba => {
                    self.only_load()?;
                    plans.push(Plan::Alibaba(opened));
                }
                Format::History => plans.push(Plan::History(opened)),
                Format::Philly => plans.push(Plan::Pools(opened, self.pools())),
                Format::Tpch => queries.push(opened),
            }
        }
        if !queries.is_empty() {
            plans.push(Plan::Queries(queries, self.query_arrivals()));
        }
        self.refuse_unused(&plans)?;
        Ok(plans)
    }

    fn families(&self) -> Result<Vec<Family>, CommandError> {
        if self.workload.iter().any(|name| name == "all") {
            return Ok(FAMILIES.to_vec());
        }
        let families = self.workload.iter().map(|name| workload::find(name));
        Ok(families.collect::<Result<_, _>>()?)
    }
}
