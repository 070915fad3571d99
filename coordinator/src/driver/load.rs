//! From what is stored to a model in memory.

use std::{borrow::Cow, collections::BTreeSet, panic::AssertUnwindSafe, sync::Arc};

use drover_model::{
    Epoch, JobId, LoadedJob, QueueRow, Snapshot, TurnNumber,
    cluster::{Cluster, Config},
    lead::{ModelClock, Poison},
    policy::{Policy, PolicySource},
    record::{Line, Settings},
};
use drover_proto::spec;
use rustc_hash::FxHashMap;

use super::isolate::Parking;
use crate::{
    clock,
    error::CoordinatorError,
    record::Record,
    store::{StoreError, StoredJob, StoredSnapshot},
};

/// Loads that may find something to park. Each ends at least one job, so that more would only be needed if jobs could not
/// be parked.
const ATTEMPTS: usize = 64;

/// What a leadership begins with.
pub(super) struct Loaded {
    pub(super) turn: TurnNumber,
    pub(super) cluster: Cluster,
    pub(super) clock: ModelClock,
    pub(super) queues: Vec<QueueRow>,
    pub(super) record: Option<Record>,
}

/// A job that the model cannot be loaded with.
struct Unreadable {
    job: JobId,
    problem: String,
}

enum Built {
    Loaded(Box<Loaded>),
    Unreadable(Vec<Unreadable>),
    /// The model panicked on some job.
    Panicked,
}

/// Parks what is known to be at fault, loads, and parks what cannot be loaded.
pub(super) async fn load(
    parking: Parking,
    poison: Option<Poison>,
    config: Config,
    fallback: &Arc<dyn Policy>,
    record: Option<Record>,
) -> Result<Loaded, CoordinatorError> {
    if let Some(poison) = poison {
        parking.isolate(&poison).await?;
    }
    let mut one_by_one = false;
    for _ in 0..ATTEMPTS {
        let epoch = parking.epoch();
        let stored = match parking.store.load(epoch).await {
            // The lease was renewed in between.
            Err(StoreError::Fenced { .. }) if parking.epoch() != epoch => continue,
            Err(StoreError::Corrupt {
                job: Some(job),
                table,
                column,
                value,
            }) => {
                let problem =
                    format!("table {table} holds a {column} that makes no sense: {value}");
                park(&parking, Unreadable { job, problem }).await?;
                continue;
            }
            stored => stored?,
        };
        let record = record.clone();
        let config = match &stored.policy {
            Some(policy) => going_on_with(policy, fallback, config.clone()),
            None => config.clone(),
        };
        // Long work without a pause: elsewhere, so that the lease is renewed meanwhile.
        let built = tokio::task::spawn_blocking(move || {
            if one_by_one {
                find_unloadable(epoch, stored, &config)
            } else {
                build(epoch, stored, config, record)
            }
        });
        match built.await.map_err(|_| CoordinatorError::Load)? {
            Built::Loaded(loaded) => return Ok(*loaded),
            Built::Panicked => one_by_one = true,
            Built::Unreadable(jobs) => {
                if jobs.is_empty() {
                    return Err(CoordinatorError::Load);
                }
                one_by_one = false;
                for unreadable in jobs {
                    park(&parking, unreadable).await?;
                }
            }
        }
    }
    Err(CoordinatorError::Load)
}

async fn park(parking: &Parking, unreadable: Unreadable) -> Result<(), StoreError> {
    let problem = unreadable.problem;
    let reason = format!("parked: its record cannot be loaded: {problem}");
    parking.park(unreadable.job, &reason).await
}

fn build(
    epoch: Epoch,
    stored: StoredSnapshot,
    config: Config,
    mut record: Option<Record>,
) -> Built {
    let clock = clock::model(stored.model_time);
    let mut jobs = Vec::with_capacity(stored.jobs.len());
    let mut unreadable = Vec::new();
    for job in stored.jobs {
        match compile(job) {
            Ok(job) => jobs.push(job),
            Err(problem) => unreadable.push(problem),
        }
    }
    if !unreadable.is_empty() {
        return Built::Unreadable(unreadable);
    }
    let snapshot = Snapshot {
        epoch,
        turn: stored.turn,
        model_time: stored.model_time,
        nodes: stored.nodes,
        jobs,
        estimates: stored.estimates,
    };
    let now = clock.at(clock::now());
    if let Some(record) = &mut record {
        record.write(&Line::Load {
            now,
            settings: Settings::of(&config),
            snapshot: Cow::Borrowed(&snapshot),
        });
    }
    let turn = snapshot.turn;
    let loading = AssertUnwindSafe(|| Cluster::load(config, snapshot, now));
    match std::panic::catch_unwind(loading) {
        Ok(cluster) => Built::Loaded(Box::new(Loaded {
            turn,
            cluster,
            clock,
            queues: stored.queues,
            record,
        })),
        Err(_) => Built::Panicked,
    }
}

/// What was in use last is used again. One that this program cannot run does not keep it from leading: the fallback rule
/// ranks until a program leads that can, or somebody says otherwise.
fn going_on_with(policy: &PolicySource, fallback: &Arc<dyn Policy>, config: Config) -> Config {
    match policy.build() {
        Ok(built) => Config {
            policy: built,
            policy_weights: policy.weights.clone(),
            ..config
        },
        Err(error) => {
            let (policy, instead) = (&policy.version, fallback.name());
            tracing::error!(%policy, instead, %error, "the policy in use cannot be run");
            Config {
                policy: Arc::clone(fallback),
                ..config
            }
        }
    }
}

/// After a load that panicked: loads every job alone, with the nodes that it names.
fn find_unloadable(epoch: Epoch, stored: StoredSnapshot, config: &Config) -> Built {
    let now = clock::model(stored.model_time).at(clock::now());
    let nodes: FxHashMap<_, _> = stored.nodes.iter().map(|row| (&*row.name, row)).collect();
    let loads_alone = |job: LoadedJob| {
        let names: BTreeSet<_> = job.attempts.iter().map(|row| &*row.node).collect();
        let its_nodes = names
            .into_iter()
            .filter_map(|name| nodes.get(name).copied());
        let snapshot = Snapshot {
            epoch,
            turn: stored.turn,
            model_time: stored.model_time,
            nodes: its_nodes.cloned().collect(),
            jobs: vec![job],
            estimates: Vec::new(),
        };
        let loading = AssertUnwindSafe(|| Cluster::load(config.clone(), snapshot, now));
        std::panic::catch_unwind(loading).is_ok()
    };
    let mut unreadable = Vec::new();
    for stored in stored.jobs {
        let job = stored.row.id;
        let problem = match compile(stored) {
            Ok(loaded) => (!loads_alone(loaded)).then(|| Unreadable {
                job,
                problem: "what is stored of it does not fit together".to_owned(),
            }),
            Err(problem) => Some(problem),
        };
        unreadable.extend(problem);
    }
    Built::Unreadable(unreadable)
}

fn compile(stored: StoredJob) -> Result<LoadedJob, Unreadable> {
    let compiled = spec::compile_stored(&stored.fixed.stored_spec).map_err(|violations| {
        let problems: Vec<_> = violations.iter().map(ToString::to_string).collect();
        Unreadable {
            job: stored.row.id,
            problem: problems.join("; "),
        }
    })?;
    Ok(LoadedJob {
        row: stored.row,
        submitted_at: stored.fixed.submitted_at,
        traceparent: stored.fixed.traceparent,
        spec: compiled.spec,
        attempts: stored.attempts,
    })
}
