//! What runs there: for each kind of task, its applications and what they ask of nodes.

use std::sync::Arc;

use drover_model::{Constraints, Preference};

use super::cluster::{EDGE_SPEED, LARGE_GPU, LARGE_GPU_SPEED, NEAR_MS, SOON_MS};
use crate::{
    random::Random,
    trace::TraceTask,
    workload::{
        application::{Applications, Spread},
        streams::Streams,
        task,
        users::Users,
    },
};

/// Of each kind.
const APPLICATIONS: u32 = 10;

/// Of five applications, so many never state how long they run.
const UNSTATED_OF_FIVE: u64 = 2;

/// One kind of task.
pub(super) struct Kind {
    applications: Applications,
    /// All equally likely.
    constraints: Vec<Arc<Constraints>>,
    /// How many of them, all equally likely. Empty: none.
    gpus: &'static [u32],
    /// Of the fastest nodes that it may run on, where these are known.
    speed: f64,
}

/// A task of some kind, without what it needs.
pub(super) struct Draw {
    pub(super) name: Arc<str>,
    pub(super) task: TraceTask,
    /// Its run time on the fastest nodes for it.
    pub(super) alone_ms: u64,
}

pub(super) struct Kinds {
    pub(super) sensing: Kind,
    pub(super) batch: Kind,
    pub(super) inference: Kind,
    pub(super) training: Kind,
    /// Three that pipelines are made of.
    pub(super) reduction: Kind,
    pub(super) judgement: Kind,
    pub(super) storage: Kind,
}

impl Kind {
    pub(super) fn draw(&self, users: &Users, streams: &mut Streams) -> Draw {
        let random = &mut streams.work;
        let (application, run_ms) = self.applications.run(random);
        let constraints = random.pick(&self.constraints);
        let mut resources = application.resources.clone();
        if !self.gpus.is_empty() {
            resources.gpus = *random.pick(self.gpus);
            resources.cpu_millis *= u64::from(resources.gpus);
            resources.memory_bytes *= u64::from(resources.gpus);
        }
        let stated_ms = users.state(run_ms, &mut streams.estimates);
        let is_stated = application.signature % 5 >= UNSTATED_OF_FIVE;
        let stated_ms = is_stated.then_some(stated_ms);
        let task = task::single(application.signature, resources, run_ms, stated_ms);
        Draw {
            name: Arc::clone(&application.name),
            task: task.with_constraints(constraints),
            alone_ms: (run_ms as f64 / self.speed).round() as u64,
        }
    }
}

/// Kinds one after the other, so that no two share a signature.
struct Drawing<'a> {
    signature: u64,
    random: &'a mut Random,
}

impl Drawing<'_> {
    /// Of so many seconds in the middle. Applications of a kind differ little, so that no seed overloads a class.
    fn kind(&mut self, name: &'static str, seconds: f64, cpus: &'static [u64]) -> Kind {
        let spread = Spread {
            name,
            count: APPLICATIONS,
            median_ms: seconds * 1_000.0,
            between: 0.2,
            within: 0.4,
            limits_ms: (500, 7_200_000),
            cpus,
        };
        let applications = Applications::draw(&spread, self.signature, self.random);
        self.signature += u64::from(APPLICATIONS);
        Kind {
            applications,
            constraints: vec![Constraints::none()],
            gpus: &[],
            speed: 1.0,
        }
    }
}

impl Kinds {
    /// Cores are for each gpu where there are any.
    pub(super) fn draw(random: &mut Random) -> Self {
        let mut drawing = Drawing {
            signature: 0,
            random,
        };
        let near = vec![within(NEAR_MS)];
        Self {
            sensing: Kind {
                constraints: near.clone(),
                speed: EDGE_SPEED,
                ..drawing.kind("sensing", 52.0, &[1, 1, 2])
            },
            batch: Kind {
                constraints: vec![in_cloud(), rather_in_cloud()],
                ..drawing.kind("batch", 400.0, &[1, 2, 2, 4, 4, 8])
            },
            inference: Kind {
                constraints: vec![within(SOON_MS), Constraints::none()],
                gpus: &[1],
                ..drawing.kind("inference", 110.0, &[2])
            },
            training: Kind {
                constraints: vec![on_large_gpus()],
                gpus: &[1, 1, 2, 2, 4],
                speed: LARGE_GPU_SPEED,
                ..drawing.kind("training", 200.0, &[2])
            },
            reduction: Kind {
                constraints: near,
                speed: EDGE_SPEED,
                ..drawing.kind("reduction", 40.0, &[1])
            },
            judgement: Kind {
                gpus: &[1],
                ..drawing.kind("judgement", 70.0, &[2])
            },
            storage: Kind {
                constraints: vec![in_cloud()],
                ..drawing.kind("storage", 60.0, &[2])
            },
        }
    }
}

fn within(max_latency_ms: u32) -> Arc<Constraints> {
    Arc::new(Constraints {
        max_latency_ms: Some(max_latency_ms),
        ..Constraints::default()
    })
}

fn in_cloud() -> Arc<Constraints> {
    Arc::new(Constraints {
        required: Some("class == cloud".parse().expect("a valid expression")),
        ..Constraints::default()
    })
}

fn rather_in_cloud() -> Arc<Constraints> {
    let preferred = Preference {
        expression: "class == cloud".parse().expect("a valid expression"),
        weight: 50,
    };
    Arc::new(Constraints {
        preferred: [preferred].into(),
        ..Constraints::default()
    })
}

fn on_large_gpus() -> Arc<Constraints> {
    Arc::new(Constraints {
        gpu_model: Some(LARGE_GPU.into()),
        ..Constraints::default()
    })
}
