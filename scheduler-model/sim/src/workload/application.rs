//! What users run again and again.

use std::sync::Arc;

use drover_model::Resources;
use rand_distr::LogNormal;

use super::{
    streams::Streams,
    task,
    users::{Manner, Users, log_normal},
};
use crate::{random::Random, trace::TraceJob};

/// A program with its usual input: its jobs have one signature, one demand and like run times.
pub(super) struct Application {
    pub(super) name: Arc<str>,
    pub(super) signature: u64,
    pub(super) resources: Resources,
    runs: LogNormal<f64>,
}

pub(super) struct Applications {
    applications: Vec<Application>,
    limits_ms: (u64, u64),
}

/// How applications and their runs spread. Both are log-normal, as run times in logs are about.
pub(super) struct Spread {
    pub(super) name: &'static str,
    pub(super) count: u32,
    /// Run time of the middle application.
    pub(super) median_ms: f64,
    /// Between applications, of the logarithm of their medians.
    pub(super) between: f64,
    /// Among runs of one, of the logarithm of the run time.
    pub(super) within: f64,
    /// No run is shorter or longer.
    pub(super) limits_ms: (u64, u64),
    /// Cores, all equally likely.
    pub(super) cpus: &'static [u64],
}

impl Applications {
    /// Their signatures follow `signature`.
    pub(super) fn draw(spread: &Spread, signature: u64, random: &mut Random) -> Self {
        let medians = log_normal(spread.median_ms, spread.between);
        let application = |number: u32| Application {
            name: format!("{}-{number:02}", spread.name).into(),
            signature: signature + u64::from(number),
            resources: task::cpus(*random.pick(spread.cpus)),
            runs: log_normal(random.sample(&medians), spread.within),
        };
        Self {
            applications: (1..=spread.count).map(application).collect(),
            limits_ms: spread.limits_ms,
        }
    }

    /// One of them, and how long it runs this time.
    pub(super) fn run(&self, random: &mut Random) -> (&Application, u64) {
        let application = random.pick(&self.applications);
        let run_ms = random.sample(&application.runs).round() as u64;
        let (least, most) = self.limits_ms;
        (application, run_ms.clamp(least, most))
    }
}

/// Jobs of one task each, not yet submitted.
pub(super) fn jobs(
    count: u32,
    spread: &Spread,
    manner: Manner,
    streams: &mut Streams,
) -> Vec<TraceJob> {
    let users = Users::new(manner);
    let applications = Applications::draw(spread, 0, &mut streams.work);
    (0..count)
        .map(|_| {
            let (application, run_ms) = applications.run(&mut streams.work);
            let stated_ms = users.state(run_ms, &mut streams.estimates);
            let resources = application.resources.clone();
            let task = task::single(application.signature, resources, run_ms, Some(stated_ms));
            users.job(&application.name, vec![task], TraceJob::ideal_ms, streams)
        })
        .collect()
}
