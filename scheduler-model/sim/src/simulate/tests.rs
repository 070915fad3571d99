use std::sync::Arc;

use drover_model::{Constraints, Priority, Resources, Topology, dispatch::Mode, policy};

use super::*;
use crate::{
    trace::{NodeFailure, Runs, StageDurations, TraceJob, TraceNode, TraceTask, Wide},
    workload::{self, Parameters},
};

fn cpus(cpus: u64) -> Resources {
    Resources {
        cpu_millis: cpus * 1_000,
        ..Resources::ZERO
    }
}

fn node(name: &str, count: u64) -> TraceNode {
    TraceNode::plain(name, cpus(count))
}

fn task(needs: &[u32], wide: Wide, runs: Runs) -> TraceTask {
    TraceTask {
        needs: needs.into(),
        wide,
        resources: cpus(1),
        constraints: Constraints::none(),
        stated_ms: None,
        signature: 1,
        runs,
        retries: 0,
    }
}

fn job(submitted_ms: u64, tasks: Vec<TraceTask>) -> TraceJob {
    TraceJob {
        submitted_ms,
        name: "job".into(),
        owner: "owner".into(),
        queue: "default".into(),
        priority: Priority::NORMAL,
        deadline_ms: None,
        tasks,
        recorded: None,
    }
}

fn single(submitted_ms: u64, run_ms: u64) -> TraceJob {
    job(
        submitted_ms,
        vec![task(&[], Wide::Single, Runs::One(run_ms))],
    )
}

fn trace(nodes: Vec<TraceNode>, jobs: Vec<TraceJob>) -> Trace {
    Trace {
        name: "test".into(),
        nodes,
        jobs,
    }
}

fn options(name: &str, mode: Mode) -> Options {
    Options::new(policy::find(name).expect("a built-in policy"), mode)
}

fn fifo() -> Options {
    options("fifo", Mode::Easy)
}

/// First start and end of each job.
fn times(trace: &Trace, options: &Options) -> Vec<(u64, u64)> {
    let outcome = simulate(trace, options).expect("the trace is sound");
    let times = outcome.jobs.iter();
    times
        .map(|job| (job.first_start_ms.unwrap(), job.ended_ms.unwrap()))
        .collect()
}

#[test]
fn equal_seeds_give_equal_outcomes() {
    let parameters = Parameters {
        load: 0.9,
        jobs: 200,
        seed: 3,
    };
    let family = workload::find("edge-cloud-gpu").unwrap();
    let trace = family.generate(&parameters).unwrap();
    let outcome = |seed| {
        let options = Options {
            seed,
            noise: 0.3,
            keep: Keep {
                attempts: true,
                queue: true,
            },
            ..fifo()
        };
        simulate(&trace, &options).unwrap()
    };
    assert_eq!(outcome(1), outcome(1));
    assert_ne!(outcome(1).jobs, outcome(2).jobs);
}

#[test]
fn speeds_divide_run_times() {
    let mut fast = node("fast", 1);
    fast.speed = 4.0;
    let trace = trace(vec![fast], vec![single(0, 10_000), single(0, 1_002)]);
    // 250.5 ms are rounded.
    assert_eq!(times(&trace, &fifo()), [(0, 2_500), (2_500, 2_751)]);
}

#[test]
fn what_runs_for_longer_than_anything_may_wait_ends() {
    let days = |days: u64| days * 24 * 3_600_000;
    let trace = trace(vec![node("a", 1)], vec![single(0, days(40))]);
    assert_eq!(times(&trace, &fifo()), [(0, days(40))]);
}

#[test]
fn a_start_takes_its_time() {
    let options = Options {
        start_latency_ms: 20,
        ..fifo()
    };
    let mut node = node("a", 1);
    // A millionth a millisecond.
    node.attributes.cost_per_hour_micros = 3_600_000;
    node.attributes.power_watts = 50;
    let trace = trace(vec![node], vec![single(5, 1_000)]);
    assert_eq!(times(&trace, &options), [(25, 1_025)]);
    let outcome = simulate(&trace, &options).unwrap();
    let job = &outcome.jobs[0];
    assert_eq!(
        job.held_work,
        1_000.0 * 1_000.0,
        "not while it was on its way"
    );
    assert!((job.cost_micros - 1_000.0).abs() < 1e-6, "{job:?}");
    assert!((job.energy_joules - 50.0).abs() < 1e-6, "{job:?}");
    assert_eq!((outcome.last_start_ms, outcome.busy_ms), (25, 1_000.0));
}

#[test]
fn what_is_lost_with_a_node_is_run_again_and_counted() {
    let mut frail = node("frail", 1);
    frail.failure = Some(NodeFailure {
        mean_up_ms: 60_000.0,
        mean_repair_ms: 20_000.0,
    });
    let jobs = (0..40).map(|number| single(number * 1_000, 20_000));
    let trace = trace(vec![frail, node("sturdy", 1)], jobs.collect());
    let options = Options {
        keep: Keep {
            attempts: true,
            queue: false,
        },
        ..fifo()
    };
    let outcome = simulate(&trace, &options).unwrap();
    let failed = || outcome.attempts.iter().filter(|attempt| !attempt.succeeded);
    assert!(failed().count() > 0);
    assert!(failed().all(|attempt| &*attempt.node == "frail"));
    assert_eq!(outcome.completions, 40);
    for attempt in failed() {
        let job = &outcome.jobs[attempt.job as usize];
        assert!(job.attempts > attempt.attempt, "{job:?}");
        assert!(job.succeeded && job.ended_ms > Some(attempt.ended_ms));
        assert!(attempt.ended_ms - attempt.started_ms < 20_000);
        assert!(job.held_work > 20_000.0 * 1_000.0);
    }
    let attempts: u32 = outcome.jobs.iter().map(|job| job.attempts).sum();
    assert_eq!(attempts as usize, 40 + failed().count());
    assert_eq!(attempts as usize, outcome.attempts.len());
}

/// A job that is lost with its only node as often as it is tried.
fn lost(start_latency_ms: u64) -> Outcome {
    let mut frail = node("frail", 1);
    frail.failure = Some(NodeFailure {
        mean_up_ms: 60_000.0,
        mean_repair_ms: 20_000.0,
    });
    let options = Options {
        start_latency_ms,
        keep: Keep {
            attempts: true,
            queue: false,
        },
        ..fifo()
    };
    let trace = trace(vec![frail], vec![single(0, 10_000_000)]);
    let outcome = simulate(&trace, &options).unwrap();
    assert!(outcome.attempts.len() > 1 && !outcome.jobs[0].succeeded);
    assert_eq!(outcome.jobs[0].attempts as usize, outcome.attempts.len());
    assert_eq!(outcome.completions, 0);
    outcome
}

#[test]
fn what_is_lost_has_waited_since_the_attempt_before() {
    let attempts = lost(0).attempts;
    assert_eq!(attempts[0].queued_ms, 0);
    for pair in attempts.windows(2) {
        assert!(pair[1].queued_ms >= pair[0].ended_ms, "{pair:?}");
        assert!(pair[1].queued_ms <= pair[1].started_ms, "{pair:?}");
    }
}

#[test]
fn what_is_lost_before_it_began_never_started() {
    let outcome = lost(10_000_000);
    assert_eq!(outcome.jobs[0].first_start_ms, None);
    assert_eq!((outcome.last_start_ms, outcome.busy_ms), (0, 0.0));
    let mut attempts = outcome.attempts.iter();
    assert!(attempts.all(|attempt| attempt.started_ms == attempt.ended_ms));
}

#[test]
fn instances_start_by_themselves_and_members_together() {
    let array = Runs::Many([1_000, 2_000, 5_000].into());
    let gang = Runs::Many([3_000, 4_000].into());
    let trace = trace(
        vec![node("a", 1), node("b", 1)],
        vec![job(
            0,
            vec![
                task(&[], Wide::Array, array),
                task(&[0], Wide::Gang(Topology::Any), gang),
                task(&[1], Wide::Single, Runs::One(7)),
            ],
        )],
    );
    let options = Options {
        keep: Keep {
            attempts: true,
            queue: false,
        },
        ..fifo()
    };
    let outcome = simulate(&trace, &options).unwrap();
    let mut attempts = outcome.attempts.clone();
    attempts.sort_by_key(|attempt| (attempt.task, attempt.instance));
    let attempts = attempts.iter();
    let times: Vec<(u32, u32, u64, u64)> = attempts
        .map(|it| (it.task, it.instance, it.started_ms, it.ended_ms))
        .collect();
    assert_eq!(
        times,
        [
            (0, 0, 0, 1_000),
            (0, 1, 0, 2_000),
            (0, 2, 1_000, 6_000),
            (1, 0, 6_000, 9_000),
            (1, 1, 6_000, 10_000),
            (2, 0, 10_000, 10_007),
        ]
    );
    assert_eq!(outcome.jobs[0].ideal_ms, 5_000 + 4_000 + 7);
}

#[test]
fn what_has_waited_for_long_goes_first() {
    let short = (0..60).map(|number| single(number * 1_000, 2_000));
    let mut jobs: Vec<TraceJob> = short.collect();
    for short in &mut jobs {
        short.tasks[0].stated_ms = Some(2_000);
    }
    jobs.insert(1, single(10, 9_000));
    jobs[1].tasks[0].stated_ms = Some(9_000);
    let trace = trace(vec![node("a", 1)], jobs);
    let start = |age_cap_ms| {
        let options = Options {
            age_cap_ms,
            ..options("sjf", Mode::Greedy)
        };
        times(&trace, &options)[1].0
    };
    assert_eq!(start(Some(15_000)), 16_000);
    assert_eq!(start(None), 120_000);
}

#[test]
fn executors_that_move_take_longer() {
    let durations = Arc::new(StageDurations {
        rough_ms: 1,
        fresh: vec![(1, vec![3_000])],
        first_wave: vec![(1, vec![2_000])],
        rest_wave: vec![(1, vec![1_000])],
    });
    let stage = |needs: &[u32]| {
        let runs = Runs::Executors {
            count: 2,
            durations: Arc::clone(&durations),
        };
        task(needs, Wide::Array, runs)
    };
    let query = || job(0, vec![stage(&[]), stage(&[0])]);
    let trace = trace(vec![node("executor", 1)], vec![query(), query()]);
    let ends = |moving_ms| {
        let options = Options {
            moving_ms,
            ..fifo()
        };
        let times = times(&trace, &options);
        [times[0].1, times[1].1]
    };
    let fresh_then_warm = 3_000 + 1_000 + 2_000 + 1_000;
    assert_eq!(ends(0), [fresh_then_warm, 2 * fresh_then_warm]);
    let moved = fresh_then_warm + 500;
    assert_eq!(ends(500), [moved, 2 * moved]);
}

#[test]
fn an_executor_that_is_lost_works_for_nobody() {
    let durations = Arc::new(StageDurations {
        rough_ms: 1,
        fresh: vec![(1, vec![1_000]), (2, vec![90_000])],
        first_wave: Vec::new(),
        rest_wave: vec![(1, vec![1_000]), (2, vec![90_000])],
    });
    let runs = Runs::Executors {
        count: 6,
        durations,
    };
    let mut frail = node("frail", 1);
    frail.failure = Some(NodeFailure {
        mean_up_ms: 100.0,
        mean_repair_ms: 1e12,
    });
    let jobs = vec![job(0, vec![task(&[], Wide::Array, runs)])];
    let trace = trace(vec![node("sturdy", 1), frail], jobs);
    let options = Options {
        keep: Keep {
            attempts: true,
            queue: false,
        },
        ..fifo()
    };
    let outcome = simulate(&trace, &options).unwrap();
    let alone = outcome.attempts.iter().filter(|it| it.started_ms > 0);
    let took: Vec<u64> = alone.map(|it| it.ended_ms - it.started_ms).collect();
    assert_eq!(took, [1_000; 5]);
}

#[test]
fn attempts_and_queues_are_kept_when_asked_for() {
    let trace = trace(
        vec![node("a", 1)],
        vec![single(0, 1_000), single(400, 1_000)],
    );
    let bare = simulate(&trace, &fifo()).unwrap();
    assert!(bare.attempts.is_empty() && bare.queue.is_empty());
    let keep = Keep {
        attempts: true,
        queue: true,
    };
    let kept = simulate(&trace, &Options { keep, ..fifo() }).unwrap();
    let waits = kept.attempts.iter().map(|attempt| {
        assert_eq!((attempt.attempt, attempt.succeeded), (1, true));
        (attempt.job, attempt.queued_ms, attempt.started_ms)
    });
    assert_eq!(waits.collect::<Vec<_>>(), [(0, 0, 0), (1, 400, 1_000)]);
    let samples = kept.queue.iter();
    let samples: Vec<(u64, u32, u32)> = samples
        .map(|it| (it.at_ms, it.waiting, it.running))
        .collect();
    let expected = [(0, 0, 1), (400, 1, 1), (1_000, 0, 1), (2_000, 0, 0)];
    assert_eq!(samples, expected);
    assert_eq!(kept.jobs, bare.jobs);
}

/// What is said of a trace that is sound but for `change`.
fn refused(change: impl FnOnce(&mut Trace)) -> String {
    let mut trace = trace(
        vec![node("a", 1), node("b", 1)],
        vec![single(5, 1_000), single(6, 1_000)],
    );
    simulate(&trace, &fifo()).expect("sound");
    change(&mut trace);
    simulate(&trace, &fifo()).unwrap_err().to_string()
}

#[test]
fn what_makes_no_sense_is_refused() {
    assert!(refused(|it| it.nodes.clear()).contains("test has no nodes"));
    assert!(refused(|it| it.jobs.clear()).contains("test has no jobs"));
    for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let said = refused(|it| it.nodes[1].speed = speed);
        assert!(said.contains("node b of test has the speed"), "{said}");
    }
    let said = refused(|it| it.nodes[1].name = "a".into());
    assert_eq!(said, "two nodes of test are called a");
    let said = refused(|it| it.jobs[1].submitted_ms = 4);
    assert!(said.starts_with("job 1 of test is not after"), "{said}");
    let said = refused(|it| it.jobs[1].tasks[0].needs = [0].into());
    assert!(said.starts_with("task 0 of job 1 of test needs task 0"));
}
