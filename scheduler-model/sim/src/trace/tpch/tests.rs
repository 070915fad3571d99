use super::*;
use crate::trace::{Runs, Trace, Wide};

/// Two queries; the second one's edges point against the order of its stages.
const QUERIES: &str = r#"{
 "1": { "edges": [[0, 1]], "stages": [
   { "num_tasks": 3, "rough_duration_ms": 10.6, "fresh_durations": {"10": [9], "2": [7, 8]}, "first_wave": {"2": []}, "rest_wave": {} },
   { "num_tasks": 1, "rough_duration_ms": 20, "fresh_durations": {}, "first_wave": {}, "rest_wave": {"5": [1]} } ] },
 "2": { "edges": [[1, 0]], "stages": [
   { "num_tasks": 1, "rough_duration_ms": 5, "fresh_durations": {}, "first_wave": {}, "rest_wave": {} },
   { "num_tasks": 2, "rough_duration_ms": 0, "fresh_durations": {}, "first_wave": {}, "rest_wave": {} } ] } }"#;

fn read() -> QuerySet {
    parse(QUERIES.as_bytes(), "2g").unwrap()
}

fn load(load: Load) -> Trace {
    load.trace(&[read(), read()]).unwrap()
}

#[test]
fn stages_have_their_samples_in_order() {
    let set = read();
    let [first, second] = &set.queries[..] else {
        panic!("{set:?}")
    };
    let durations = &first.stages[0].durations;
    assert_eq!(durations.rough_ms, 11);
    assert_eq!(durations.fresh, [(2, vec![7, 8]), (10, vec![9])]);
    assert_eq!(durations.first_wave, [], "nothing was sampled");
    assert_eq!(*first.stages[1].needs, [0]);
    assert_eq!((second.stages[0].tasks, second.stages[1].tasks), (2, 1));
    assert_eq!(*second.stages[1].needs, [0], "turned round");
}

#[test]
fn a_batch_comes_at_once_and_a_stream_with_its_mean_gap() {
    let batch = load(Load::default());
    assert_eq!((batch.jobs.len(), batch.nodes.len()), (20, 50));
    assert!(batch.jobs.iter().all(|job| job.submitted_ms == 0));
    let stream = Load {
        jobs: 2_001,
        arrivals: Arrivals::Stream {
            mean_gap_ms: MEAN_GAP_MS,
        },
        ..Load::default()
    };
    let trace = load(stream);
    assert_eq!(trace, load(stream), "by seed");
    assert_ne!(trace, load(Load { seed: 2, ..stream }));
    assert!(trace.jobs.is_sorted_by_key(|job| job.submitted_ms));
    let mean = trace.jobs[2_000].submitted_ms as f64 / 2_000.0;
    assert!((23_000.0..27_000.0).contains(&mean), "{mean}");
    let first = trace.jobs.iter().filter(|job| job.name.ends_with("-1"));
    assert!((900..1_100).contains(&first.count()), "queries alike");
}

#[test]
fn moving_is_modelled_or_free() {
    let modelled = load(Load::default());
    let kinds = |trace: &Trace| {
        let job = trace
            .jobs
            .iter()
            .find(|job| job.name.ends_with("-1"))
            .unwrap();
        let tasks = job.tasks.iter();
        tasks
            .map(|task| (task.wide, task.runs.clone()))
            .collect::<Vec<_>>()
    };
    let stages = &read().queries[0].stages;
    let executors = |stage: usize| Runs::Executors {
        count: stages[stage].tasks,
        durations: Arc::clone(&stages[stage].durations),
    };
    assert_eq!(
        kinds(&modelled),
        [(Wide::Array, executors(0)), (Wide::Single, executors(1))]
    );
    let free = load(Load {
        moving: Moving::Free,
        ..Load::default()
    });
    assert_eq!(
        kinds(&free),
        [
            (Wide::Array, Runs::Many([11, 11, 11].into())),
            (Wide::Single, Runs::One(20))
        ]
    );
}

#[test]
fn impossible_queries_are_refused_with_their_place() {
    let cases = [
        (
            "[[0, 1]]",
            "[[0, 2]]",
            "query 1: an edge names a stage that is not there",
        ),
        (
            "[[0, 1]]",
            "[[0, 1], [1, 0]]",
            "query 1: stages wait for each other",
        ),
        (
            "\"num_tasks\": 3",
            "\"num_tasks\": 0",
            "query 1, stage 0: num_tasks must be",
        ),
        (
            "10.6",
            "-10.6",
            "query 1, stage 0: rough_duration_ms must be",
        ),
        ("[7, 8]", "[-7, 8]", "line 3, column"),
        ("10.6", "NaN", "line 3, column"),
        ("\"rest_wave\": {} } ] } }", "", "line 7, column"),
    ];
    for (text, instead, said) in cases {
        let broken = QUERIES.replacen(text, instead, 1);
        let refusal = parse(broken.as_bytes(), "2g").unwrap_err().to_string();
        assert!(refusal.starts_with(said), "{refusal}");
    }
    assert!(
        parse(b"{}", "2g")
            .unwrap_err()
            .to_string()
            .contains("no job")
    );
    assert!(parse(b"\xff", "2g").is_err());
    assert!(parse(b"", "2g").is_err());
}

#[test]
fn senseless_loads_are_refused() {
    let jobs = Load {
        jobs: 0,
        ..Load::default()
    };
    let executors = Load {
        executors: 0,
        ..Load::default()
    };
    let arrivals = Load {
        arrivals: Arrivals::Stream {
            mean_gap_ms: f64::NAN,
        },
        ..Load::default()
    };
    for load in [jobs, executors, arrivals] {
        assert!(load.trace(&[read()]).is_err(), "{load:?}");
    }
    assert!(Load::default().trace(&[]).is_err());
}
