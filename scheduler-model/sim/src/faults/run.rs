//! One seed, or many at once.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use crate::faults::{
    check::Violation, inject::PlantedBug, setting::Setting, statistics::Statistics, world::World,
};

/// What became of a seed.
#[derive(Debug)]
pub struct Outcome {
    pub seed: u64,
    /// Equal for equal histories.
    pub digest: u64,
    pub violation: Option<Violation>,
    pub statistics: Statistics,
    /// The history in words, if it was asked for.
    pub history: Vec<String>,
    /// By coordinator: the record of what it stepped, if that was asked for.
    pub records: Vec<Vec<u8>>,
}

/// Runs one world from its beginning to the end of its last job, or to the first broken promise.
pub fn run(setting: &Setting) -> Outcome {
    let mut world = World::new(setting);
    let ended = catch_unwind(AssertUnwindSafe(|| world.run()));
    let violation = match ended {
        Ok(Ok(())) => None,
        Ok(Err(violation)) => Some(violation),
        Err(panic) => Some(Violation {
            promise: "the machines do not panic",
            what: words_of(&*panic),
            at: world.now,
        }),
    };
    world.statistics.seeds = 1;
    world.statistics.jobs = world.database.jobs.len() as u64;
    world.statistics.attempts = world.database.attempts.len() as u64;
    let World {
        statistics,
        trace,
        records,
        ..
    } = world;
    Outcome {
        seed: setting.seed,
        digest: trace.digest(),
        violation,
        statistics,
        history: trace.into_lines(),
        records,
    }
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().cloned().or_else(|| {
        panic
            .downcast_ref::<&str>()
            .map(|words| (*words).to_owned())
    });
    words.unwrap_or_else(|| "it panicked without a word".to_owned())
}

/// What became of many.
#[derive(Debug, Default)]
pub struct Summary {
    pub statistics: Statistics,
    /// The first in the order of `seeds`, of those that were run.
    pub failed: Option<Outcome>,
}

/// On all cores. Stops soon after a failure.
pub fn run_all(
    seeds: &[u64],
    planted: Option<PlantedBug>,
    progress: impl Fn(usize) + Sync,
) -> Summary {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let workers = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(seeds.len().max(1));
    let work = || {
        let mut summary = Summary::default();
        let mut first_failure = usize::MAX;
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(seed) = seeds.get(place) else {
                return (first_failure, summary);
            };
            if failed.load(Ordering::Relaxed) {
                return (first_failure, summary);
            }
            let setting = Setting {
                planted,
                ..Setting::of_seed(*seed)
            };
            let outcome = run(&setting);
            summary.statistics += &outcome.statistics;
            progress(place);
            if outcome.violation.is_some() {
                failed.store(true, Ordering::Relaxed);
                if place < first_failure {
                    first_failure = place;
                    summary.failed = Some(outcome);
                }
            }
        }
    };
    let mut parts: Vec<(usize, Summary)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(|worker| worker.join());
        joined
            .map(|part| part.expect("a world's panic is caught"))
            .collect()
    });
    parts.sort_by_key(|(first_failure, _)| *first_failure);
    let mut all = Summary::default();
    for (_, part) in parts {
        all.statistics += &part.statistics;
        all.failed = all.failed.or(part.failed);
    }
    all
}
