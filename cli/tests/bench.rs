//! The benchmarks run at all, count what they did, and say it in JSON. How fast is not tested.

use std::process::Command;

use serde_json::Value;

/// Runs `drover bench ARGUMENTS -o json` and reads its answer.
fn bench(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_drover"))
        .arg("bench")
        .args(arguments)
        .args(["-o", "json"])
        .output()
        .expect("the drover program");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

/// Successes in the store, counted by another run that has nothing left to do.
fn history(store: &str) -> u64 {
    let report = bench(&[
        "latency",
        "--rate",
        "1",
        "--duration",
        "1s",
        "--agents",
        "1",
        "--store",
        store,
    ]);
    report["setting"]["history"].as_u64().expect("a number")
}

#[test]
fn throughput_counts_what_it_ran() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let store = format!("sqlite:{}", directory.path().join("bench.db").display());
    let flags = [
        "--duration",
        "1s",
        "--connections",
        "2",
        "--in-flight",
        "2",
        "--store",
        &store,
    ];
    let report = bench(
        &[
            &["throughput", "--shape", "dag", "--history", "40"],
            &flags[..],
        ]
        .concat(),
    );
    let run = &report["runs"][report["best"].as_u64().expect("an index") as usize];
    let tasks = run["tasks"].as_u64().expect("a number");
    assert!(tasks > 0 && tasks.is_multiple_of(20), "{run}");
    assert_eq!(report["setting"]["history"], 40);
    assert_eq!(report["setting"]["store"]["synchronous"], "full");
    for process in ["coordinator", "agents", "client"] {
        assert!(
            run["cpu_micros_per_task"][process]
                .as_f64()
                .is_some_and(|micros| micros > 0.0),
            "{run}"
        );
    }
    assert!(
        run["machine"]["fdatasync_per_second"]
            .as_f64()
            .is_some_and(|rate| rate > 0.0),
        "{run}"
    );
    assert_eq!(history(&store), 40 + tasks);
}

#[test]
fn latency_counts_every_start() {
    let report = bench(&[
        "latency",
        "--rate",
        "50",
        "--duration",
        "1s",
        "--agents",
        "1",
    ]);
    assert_eq!(report["tasks"], 50);
    let at = |name: &str| report["start"][name].as_f64().expect("a number");
    assert!(
        0.0 < at("p50_ms") && at("p50_ms") <= at("p99_ms") && at("p99_ms") <= at("max_ms"),
        "{report}"
    );
}

#[test]
fn a_store_that_cannot_be_opened_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_drover"))
        .args([
            "bench",
            "throughput",
            "--store",
            "mysql://user:secret@host/database",
        ])
        .output()
        .expect("the drover program");
    assert!(!output.status.success());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("mysql") && !errors.contains("secret"),
        "{errors}"
    );
}

#[test]
fn calibration_compares_every_job() {
    let report = bench(&[
        "calibration",
        "--jobs",
        "20",
        "--run-time",
        "100ms",
        "--agents",
        "1",
        "--no-limits",
    ]);
    assert_eq!(report["starts"]["compared"], 20, "{report}");
    let figures = report["figures"].as_array().expect("a list");
    assert_eq!(figures.len(), 4);
    let of = |place: usize, side: &str| {
        let figure: &serde_json::Value = &figures[place];
        figure[side].as_f64().expect("a number")
    };
    // A flow time is a wait and a run, and both have the same runs.
    let runs = |side| of(2, side) - of(0, side);
    let (real_ms, simulated_ms) = (runs("real_ms"), runs("simulated_ms"));
    assert!(real_ms > 10.0, "runs take 100 ms in the mean: {report}");
    assert!((real_ms - simulated_ms).abs() < 0.1 * real_ms, "{report}");
}
