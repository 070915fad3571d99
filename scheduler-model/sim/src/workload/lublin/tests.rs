//! Moments of what is drawn against what the published parameters say.

use super::*;

const JOBS: u32 = 40_000;

fn lublin(model: Model, seed: u64) -> Lublin {
    Lublin {
        processors: 128,
        jobs: JOBS,
        seed,
        load: None,
        overestimate: 0.0,
        model,
    }
}

fn processors(job: &TraceJob) -> u32 {
    (job.tasks[0].resources.cpu_millis / 1_000) as u32
}

/// Share of the jobs, and four standard errors of it.
fn share(trace: &Trace, of: impl Fn(u32) -> bool) -> (f64, f64) {
    let count = trace.jobs.iter().filter(|job| of(processors(job))).count();
    let share = count as f64 / f64::from(JOBS);
    (
        share,
        4.0 * (share * (1.0 - share) / f64::from(JOBS)).sqrt(),
    )
}

/// Mass of parallel sizes before rounding, from `from` to `to` to base 2.
fn mass(model: &Model, from: f64, to: f64) -> f64 {
    let (low, middle, high) = model.log_sizes(128);
    let part = |begin: f64, end: f64| (to.min(end) - from.max(begin)).max(0.0) / (end - begin);
    model.below_middle * part(low, middle) + (1.0 - model.below_middle) * part(middle, high)
}

#[test]
fn sizes_are_serial_and_powers_of_two_as_often_as_published() {
    for (model, seed) in [(Model::ALL, 1), (Model::BATCH, 2), (Model::INTERACTIVE, 3)] {
        let trace = lublin(model, seed).generate().unwrap();
        // Other sizes are rounded to a whole number, at times to 1 or to a power of two.
        let others = 1.0 - model.serial - model.power_of_two;
        let rounded = |size: f64| mass(&model, (size - 0.5).log2(), (size + 0.5).log2());
        let serial =
            model.serial + others * rounded(1.0) + model.power_of_two * mass(&model, 0.0, 0.5);
        let (seen, tolerance) = share(&trace, |size| size == 1);
        assert!(
            (seen - serial).abs() < tolerance,
            "seed {seed}: {seen} serial, not {serial}"
        );
        let by_chance: f64 = (1..=7).map(|log| rounded(f64::from(log).exp2())).sum();
        let powers = model.power_of_two * mass(&model, 0.5, 7.5) + others * by_chance;
        let (seen, tolerance) = share(&trace, |size| size > 1 && size.is_power_of_two());
        assert!(
            (seen - powers).abs() < tolerance,
            "seed {seed}: {seen} powers, not {powers}"
        );
        let (low, middle, _) = model.log_sizes(128);
        let narrow = |size: u32| size > 1 && f64::from(size).log2() < middle.floor() - 0.5;
        let (seen, _) = share(&trace, narrow);
        let expected = (1.0 - model.serial) * mass(&model, low.max(0.5), middle.floor() - 0.5);
        // Not exact for sizes that are no power of two: one of them more or less at the border.
        assert!(
            (seen - expected).abs() < 0.02,
            "seed {seed}: {seen} narrow, not {expected}"
        );
    }
}

/// Mean of the logarithm (in seconds) where it is drawn again above [`MOST_LOG_RUN`], by the trapezoidal rule.
fn mean_log((shape, scale): (f64, f64)) -> f64 {
    let density = |x: f64| ((shape - 1.0) * (x / (shape * scale)).ln() - x / scale + shape).exp();
    let xs = (1..=12_000).map(|step| f64::from(step) * MOST_LOG_RUN / 12_000.0);
    let (sum, all) = xs.fold((0.0, 0.0), |(sum, all), x| {
        (sum + x * density(x), all + density(x))
    });
    sum / all
}

#[test]
fn wider_jobs_run_as_much_longer_as_published() {
    for (model, seed) in [(Model::ALL, 4), (Model::BATCH, 5), (Model::INTERACTIVE, 6)] {
        let trace = lublin(model, seed).generate().unwrap();
        let [first, second] = model.log_run.map(mean_log);
        for sizes in [1..=1, 2..=2, 4..=4, 8..=8, 16..=16, 17..=64] {
            let jobs = trace
                .jobs
                .iter()
                .filter(|job| sizes.contains(&processors(job)));
            let seen: Vec<(f64, f64)> = jobs
                .map(|job| {
                    let short = model.short_share(processors(job));
                    let expected = short * first + (1.0 - short) * second;
                    ((job.ideal_ms() as f64 / 1_000.0).ln(), expected)
                })
                .collect();
            let count = seen.len() as f64;
            let difference = seen
                .iter()
                .map(|(seen, expected)| seen - expected)
                .sum::<f64>()
                / count;
            // The spread of the logarithm is below 3.2 in all three; four standard errors.
            let tolerance = 4.0 * 3.2 / count.sqrt();
            assert!(
                difference.abs() < tolerance,
                "seed {seed}, sizes {sizes:?}: off by {difference}"
            );
        }
    }
}

#[test]
fn gaps_are_as_published_until_a_load_scales_them() {
    for (model, seed) in [(Model::ALL, 7), (Model::BATCH, 8), (Model::INTERACTIVE, 9)] {
        let mut lublin = lublin(model, seed);
        let trace = lublin.generate().unwrap();
        let last_ms = trace.jobs.last().unwrap().submitted_ms;
        // Mean of exp of a gamma variable, (1 - scale)^-shape, is infinite or far above what a cut at five days leaves.
        let (shape, scale) = (model.log_gap.0 * model.gap_ratio, model.log_gap.1);
        let mean_ms = mean_gap_ms(shape, scale);
        let seen_ms = last_ms as f64 / f64::from(JOBS);
        // A gap's spread is at most 12 times its mean: four standard errors are a quarter.
        assert!(
            (seen_ms / mean_ms - 1.0).abs() < 0.25,
            "seed {seed}: {seen_ms}, not {mean_ms}"
        );
        for load in [0.3, 0.9, 1.2] {
            lublin.load = Some(load);
            let offered = lublin.generate().unwrap().offered_load();
            assert!(
                (offered / load - 1.0).abs() < 0.01,
                "seed {seed}: {offered}, not {load}"
            );
        }
    }
}

/// In milliseconds, of a gap whose logarithm is drawn again above 13 (five days), by the trapezoidal rule.
fn mean_gap_ms(shape: f64, scale: f64) -> f64 {
    let density = |x: f64| ((shape - 1.0) * (x / (shape * scale)).ln() - x / scale + shape).exp();
    let xs = (1..=13_000).map(|step| f64::from(step) / 1_000.0);
    let (sum, all) = xs.fold((0.0, 0.0), |(sum, all), x| {
        (sum + x.exp() * density(x), all + density(x))
    });
    sum / all * 1_000.0
}

#[test]
fn the_day_keeps_its_hours_whatever_the_load() {
    let lublin = Lublin {
        load: Some(0.8),
        ..lublin(Model::ALL, 10)
    };
    let trace = lublin.generate().unwrap();
    let hour = |job: &TraceJob| job.submitted_ms / 3_600_000 % 24;
    let between = |from: u64, to: u64| {
        trace
            .jobs
            .iter()
            .filter(|job| (from..to).contains(&hour(job)))
            .count()
    };
    let (by_day, by_night) = (between(12, 16), between(0, 4));
    // The fitted density is 5 times as high around half hour 28 as around half hour 52.
    let ratio = by_day as f64 / by_night as f64;
    assert!(
        (4.0..6.0).contains(&ratio),
        "seed 10: {by_day} by day, {by_night} by night"
    );
}

#[test]
fn users_ask_for_as_much_more_as_they_may() {
    let lublin = Lublin {
        overestimate: 3.0,
        ..lublin(Model::BATCH, 11)
    };
    let trace = lublin.generate().unwrap();
    let long = trace.jobs.iter().filter(|job| job.ideal_ms() > 10_000);
    let factors: Vec<f64> = long
        .map(|job| job.tasks[0].stated_ms.unwrap() as f64 / job.ideal_ms() as f64)
        .collect();
    assert!(factors.iter().all(|factor| (0.999..4.001).contains(factor)));
    let mean = factors.iter().sum::<f64>() / factors.len() as f64;
    // Uniform from 1 to 4: four standard errors are 4 * 0.87 / sqrt(30,000).
    assert!((mean - 2.5).abs() < 0.02, "seed 11: {mean}");
}

#[test]
fn machines_of_every_size_are_filled_and_not_exceeded() {
    for processors_of_machine in [2, 3, 100, 256, 5_000] {
        let lublin = Lublin {
            processors: processors_of_machine,
            ..lublin(Model::ALL, 12)
        };
        let trace = lublin.generate().unwrap();
        let widest = trace.jobs.iter().map(processors).max().unwrap();
        assert!(
            widest <= processors_of_machine && widest * 10 >= processors_of_machine * 9,
            "{widest}"
        );
    }
    let refused = |lublin: Lublin| lublin.generate().unwrap_err().to_string();
    assert!(
        refused(Lublin {
            processors: 1,
            ..lublin(Model::ALL, 1)
        })
        .contains("1 processors")
    );
    assert!(
        refused(Lublin {
            overestimate: -1.0,
            ..lublin(Model::ALL, 1)
        })
        .contains("overestimate")
    );
    assert!(
        refused(Lublin {
            load: Some(0.0),
            ..lublin(Model::ALL, 1)
        })
        .contains("load")
    );
}
