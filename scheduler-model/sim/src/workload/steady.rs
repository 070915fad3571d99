//! `steady`: what a well-planned cluster does all day.

use super::{
    application::{self, Spread},
    family::Parameters,
    intensity::poisson,
    nodes::equal_nodes,
    streams::Streams,
    users::{Estimates, Manner, USUAL_PRIORITIES},
};
use crate::trace::Trace;

const SPREAD: Spread = Spread {
    name: "application",
    count: 24,
    median_ms: 60_000.0,
    between: 0.6,
    within: 0.4,
    limits_ms: (1_000, 900_000),
    cpus: &[1, 1, 1, 2, 2, 4, 4, 8],
};

const MANNER: Manner = Manner {
    with_deadline_permille: 500,
    slack: (2.0, 10.0),
    priorities: USUAL_PRIORITIES,
    estimates: Estimates::USUAL,
};

/// 16 nodes of 16 cores; arrivals are a Poisson process.
pub(super) fn build(parameters: &Parameters, mut streams: Streams) -> Trace {
    let jobs = application::jobs(parameters.jobs, &SPREAD, MANNER, &mut streams);
    poisson(
        equal_nodes(16, 16),
        jobs,
        parameters.load,
        &mut streams.arrivals,
    )
}
