//! The families by name.

use super::{
    bursty, dag, deadline_tight, edge_cloud_gpu, gpu_pool, heavy_tail, lublin, queries, sessions,
    steady, streams::Streams,
};
use crate::trace::Trace;

/// Longer names are not compared with the known ones.
const MAX_SUGGESTED_BYTES: usize = 64;

/// What all families are asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameters {
    /// Offered load ([`Trace::offered_load`]): at 1 the nodes are just enough for the work.
    pub load: f64,
    pub jobs: u32,
    pub seed: u64,
}

/// What cannot be generated.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ParametersError {
    #[error("the load is {0}, but must be a number from {least} to {most}; 0.9 keeps nodes busy nine tenths of the time", least = Parameters::LEAST_LOAD, most = Parameters::MOST_LOAD)]
    Load(f64),
    #[error("the number of jobs is {0}, but must be from 1 to {most}", most = Parameters::MOST_JOBS)]
    Jobs(u32),
}

impl Parameters {
    pub const LEAST_LOAD: f64 = 0.001;
    pub const MOST_LOAD: f64 = 1_000.0;
    /// They take some 5 GB.
    pub const MOST_JOBS: u32 = 10_000_000;

    pub fn check(&self) -> Result<(), ParametersError> {
        if !(Self::LEAST_LOAD..=Self::MOST_LOAD).contains(&self.load) {
            return Err(ParametersError::Load(self.load));
        }
        if !(1..=Self::MOST_JOBS).contains(&self.jobs) {
            return Err(ParametersError::Jobs(self.jobs));
        }
        Ok(())
    }
}

/// A kind of load, with the cluster that it is for.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    pub name: &'static str,
    /// In one line, for people who choose.
    pub summary: &'static str,
    build: fn(&Parameters, Streams) -> Trace,
}

impl Family {
    /// Equal parameters give equal traces.
    pub fn generate(&self, parameters: &Parameters) -> Result<Trace, ParametersError> {
        parameters.check()?;
        let mut trace = (self.build)(parameters, Streams::new(parameters.seed));
        let Parameters { load, seed, .. } = parameters;
        trace.name = format!("{}, load {load}, seed {seed}", self.name).into();
        Ok(trace)
    }
}

pub const FAMILIES: [Family; 6] = [
    Family {
        name: "steady",
        summary: "jobs of 1 to 8 cpus at a constant rate, run times of about a minute",
        build: steady::build,
    },
    Family {
        name: "bursty",
        summary: "waves in which several times more arrives for minutes than the nodes can do",
        build: bursty::build,
    },
    Family {
        name: "heavy-tail",
        summary: "run times from a second to hours, and jobs wider than a node",
        build: heavy_tail::build,
    },
    Family {
        name: "deadline-tight",
        summary: "nearly all jobs have deadlines, at 1.2 to 3 times what they take alone",
        build: deadline_tight::build,
    },
    Family {
        name: "dag",
        summary: "layered, fork-join, map-reduce and query graphs whose stages are arrays",
        build: dag::build,
    },
    Family {
        name: "edge-cloud-gpu",
        summary: "unlike nodes that fail, latency limits, gpus by model, pipelines across classes",
        build: edge_cloud_gpu::build,
    },
];

/// Not one of the six, as it says nothing of deadlines, priorities or owners.
pub const LUBLIN: Family = Family {
    name: "lublin",
    summary: "rigid parallel jobs on one machine of 256 processors (Lublin and Feitelson 2003)",
    build: lublin::build,
};

/// What networks for special clusters are trained on; none of the six either.
pub const SPECIAL: [Family; 3] = [
    Family {
        name: "sessions",
        summary: "rigid parallel jobs of users in sessions, with requests far above run times",
        build: sessions::build,
    },
    Family {
        name: "gpu-pool",
        summary: "training jobs with deadlines on one pool of gpus",
        build: gpu_pool::build,
    },
    Family {
        name: "queries",
        summary: "graphs of short tasks on 50 executors that are slow on what is new to them",
        build: queries::build,
    },
];

/// No family has that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no workload is named `{name}`{}; there are {known}", suggestion(.nearest))]
pub struct UnknownFamilyError {
    pub name: String,
    /// What was perhaps meant.
    pub nearest: Option<&'static str>,
    known: String,
}

fn suggestion(nearest: &Option<&'static str>) -> String {
    match nearest {
        Some(nearest) => format!(", did you mean `{nearest}`?"),
        None => String::new(),
    }
}

fn known() -> impl Iterator<Item = Family> + Clone {
    FAMILIES.into_iter().chain([LUBLIN]).chain(SPECIAL)
}

/// By name, [`LUBLIN`] and [`SPECIAL`] ones too.
pub fn find(name: &str) -> Result<Family, UnknownFamilyError> {
    let known = known();
    if let Some(family) = known.clone().find(|family| family.name == name) {
        return Ok(family);
    }
    let names: Vec<&str> = known.map(|family| family.name).collect();
    Err(UnknownFamilyError {
        name: name.chars().take(MAX_SUGGESTED_BYTES).collect(),
        nearest: nearest(name),
        known: names.join(", "),
    })
}

fn nearest(wanted: &str) -> Option<&'static str> {
    if wanted.len() > MAX_SUGGESTED_BYTES {
        return None;
    }
    let wanted = wanted.to_lowercase().replace('_', "-");
    known()
        .map(|family| {
            (
                strsim::damerau_levenshtein(&wanted, family.name),
                family.name,
            )
        })
        .filter(|(distance, _)| *distance * 3 <= wanted.chars().count().max(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
