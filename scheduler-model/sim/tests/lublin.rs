//! The Lublin-Feitelson model against 10,000 jobs that its authors' own program made ("Lublin-1"). Only where that file is.

#![allow(clippy::disallowed_methods, reason = "a test may read its environment")]

use std::{env, fs, path::PathBuf};

use drover_sim::workload::lublin::{Lublin, Model};

/// Processors and seconds.
type Job = (u64, f64);

fn published() -> Option<Vec<Job>> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = env::var_os("DROVER_SHARED_DATA").map_or_else(beside, PathBuf::from);
    let file = data.join("swf/lublin_256.swf");
    let Ok(text) = fs::read_to_string(&file) else {
        eprintln!(
            "SKIPPED: there is no {}; set DROVER_SHARED_DATA",
            file.display()
        );
        return None;
    };
    let lines = text.lines().filter(|line| !line.starts_with(';'));
    let job = |line: &str| {
        let mut fields = line.split_whitespace().skip(3);
        let seconds: f64 = fields.next()?.parse().ok()?;
        Some((fields.next()?.parse().ok()?, seconds))
    };
    Some(lines.filter_map(job).collect())
}

fn generated() -> Vec<Job> {
    let lublin = Lublin {
        processors: 256,
        jobs: 100_000,
        seed: 1,
        load: None,
        overestimate: 0.0,
        model: Model::ALL,
    };
    let trace = lublin.generate().expect("sensible parameters");
    let jobs = trace.jobs.iter();
    jobs.map(|job| {
        let processors = job.tasks[0].resources.cpu_millis / 1_000;
        (processors, (job.ideal_ms() / 1_000) as f64)
    })
    .collect()
}

/// Mean and its variance.
fn mean(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    let squares = values.map(|value| (value - mean).powi(2));
    (mean, squares.sum::<f64>() / count / count)
}

fn compare(what: &str, of: impl Fn(&Job) -> Option<f64>, published: &[Job], ours: &[Job]) {
    let (expected, variance) = mean(published.iter().filter_map(&of));
    let (seen, other) = mean(ours.iter().filter_map(&of));
    let tolerance = 4.0 * (variance + other).sqrt();
    println!("{what}: {seen:.3}, and {expected:.3} in the published file");
    assert!(
        (seen - expected).abs() < tolerance,
        "{what}, seed 1: {seen} differs from {expected} by more than four standard errors ({tolerance})"
    );
}

#[test]
fn jobs_are_like_those_of_the_published_file() {
    let Some(published) = published() else { return };
    assert_eq!(published.len(), 10_000);
    let ours = generated();
    let compare =
        |what: &str, of: &dyn Fn(&Job) -> Option<f64>| compare(what, of, &published, &ours);
    let share = |is: bool| Some(f64::from(u8::from(is)));
    compare("serial jobs", &|job| share(job.0 == 1));
    compare("powers of two", &|job| {
        share(job.0 > 1 && job.0.is_power_of_two())
    });
    compare("log size", &|job| Some((job.0 as f64).ln()));
    compare("widest", &|job| share(job.0 > 64));
    // The authors' program cuts fractions of seconds off.
    let log = |seconds: f64| seconds.max(1.0).ln();
    compare("log run time", &|job| Some(log(job.1)));
    for size in [1, 2, 8, 32, 128] {
        let name = format!("log run time on {size}");
        compare(&name, &|job| (job.0 == size).then(|| log(job.1)));
    }
}
