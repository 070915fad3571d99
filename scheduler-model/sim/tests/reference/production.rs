//! The production scheduler, simulated, against the same figures.
//!
//! One cell of the honest protocol is 45.66 here where the table has 45.68: see [`crate::redecide`].

use drover_model::{dispatch::Mode, policy};
use drover_sim::{
    simulate::{Options, Outcome, Rounds, in_parallel, simulate},
    trace::{
        PUBLISHED_LENGTH, Trace, Windows, philly,
        swf::{self, SwfOptions},
    },
};

use crate::{
    data,
    redecide::{self, Dispatch, Rule, Ties},
};

fn options(name: &str, mode: Mode, backfill: Option<&str>) -> Options {
    let find = |name| policy::find(name).expect("a policy");
    Options {
        backfill: backfill.map(find),
        ..Options::new(find(name), mode)
    }
}

/// The mean over windows of the mean bounded slowdown, by true run times.
fn mean_slowdown(windows: &[Trace], options: &Options) -> f64 {
    let mean = |trace: &Trace| {
        let outcome = simulate(trace, options).expect("a trace");
        let slowdowns = outcome.jobs.iter().map(|job| {
            let flow_ms = job.flow_ms().expect("every job ends") as f64;
            (flow_ms / job.ideal_ms.max(10_000) as f64).max(1.0)
        });
        slowdowns.sum::<f64>() / PUBLISHED_LENGTH as f64
    };
    let means = in_parallel(windows, mean, |_| ());
    means.iter().sum::<f64>() / windows.len() as f64
}

#[test]
fn the_table_of_the_honest_protocol_is_reproduced() {
    let Some(content) = data::bytes("swf/lublin_256.swf") else {
        return;
    };
    let log = swf::parse(&content, SwfOptions::default()).unwrap();
    let windows = log.windows("lublin", &Windows::published());
    let windows = windows.unwrap();
    for (mode, policy, backfill, wanted) in [
        (Mode::Strict, "fifo", None, "7273.77"),
        (Mode::Strict, "sjf", None, "47.16"),
        (Mode::Strict, "f1", None, "34.53"),
        (Mode::Strict, "saf", None, "26.95"),
        (Mode::Easy, "fifo", None, "272.08"),
        (Mode::Easy, "sjf", Some("fifo"), "45.66"),
        (Mode::Easy, "f1", Some("fifo"), "34.54"),
        (Mode::Easy, "saf", Some("fifo"), "35.92"),
        (Mode::Easy, "saf", None, "34.38"),
        (Mode::Easy, "saf", Some("saf"), "34.38"),
        (Mode::Greedy, "fifo", None, "302.95"),
        (Mode::Greedy, "sjf", None, "35.97"),
        (Mode::Greedy, "f1", None, "35.85"),
        (Mode::Greedy, "saf", None, "38.90"),
    ] {
        let found = mean_slowdown(&windows, &options(policy, mode, backfill));
        let cell = format!("{policy} {mode} {backfill:?}");
        assert_eq!(format!("{found:.2}"), wanted, "{cell}");
    }
}

/// Not only on average: every job starts when the independent simulator starts it.
#[test]
fn every_job_starts_when_the_reference_says() {
    let Some(content) = data::bytes("swf/lublin_256.swf") else {
        return;
    };
    let log = swf::parse(&content, SwfOptions::default()).unwrap();
    let windows = Windows::published();
    let traces = log.windows("lublin", &windows).unwrap();
    let rules = [
        ("fifo", Rule::Fcfs),
        ("sjf", Rule::Sjf),
        ("f1", Rule::F1),
        ("saf", Rule::Saf),
    ];
    for (policy, rule) in rules {
        for (mode, backfill, dispatch) in [
            (Mode::Strict, None, Dispatch::Strict),
            (Mode::Easy, None, Dispatch::Easy(rule)),
            (Mode::Easy, Some("fifo"), Dispatch::Easy(Rule::Fcfs)),
            (Mode::Easy, Some("saf"), Dispatch::Easy(Rule::Saf)),
            (Mode::Greedy, None, Dispatch::Greedy),
        ] {
            let options = options(policy, mode, backfill);
            for (first, trace) in windows.starts.iter().zip(&traces) {
                let jobs = &log.jobs[*first..first + windows.length];
                let wanted = redecide::starts(jobs, log.processors, rule, dispatch, Ties::ByLog);
                let outcome = simulate(trace, &options).unwrap();
                let found = outcome.jobs.iter().map(|job| job.first_start_ms.unwrap());
                let differs = found
                    .zip(&wanted)
                    .position(|(found, wanted)| found != *wanted);
                assert_eq!(
                    differs, None,
                    "{policy} {dispatch:?} from {first}: place of a job"
                );
            }
        }
    }
}

/// Of strict jobs, as the table counts them (see [`crate::philly`]).
fn missed_percent(log: &philly::PhillyLog, outcome: &Outcome) -> f64 {
    const WARM_UP_MS: u64 = 2_880 * 60_000;
    let last_ms = log.jobs.last().map_or(0, |job| job.submitted_ms);
    let counted = log.jobs.iter().zip(&outcome.jobs).filter(|(job, _)| {
        job.class == philly::Class::Strict && (WARM_UP_MS..last_ms).contains(&job.submitted_ms)
    });
    let (mut all, mut missed) = (0u32, 0u32);
    for (_, job) in counted {
        all += 1;
        missed += u32::from(job.ended_ms.expect("every job ends") > job.due_ms.unwrap());
    }
    100.0 * f64::from(missed) / f64::from(all)
}

#[test]
fn the_table_of_jobs_with_deadlines_is_reproduced() {
    let policies = ["edf", "sjf", "saf", "llf", "edf-admission"];
    let mut cells = Vec::new();
    for (file, gpus, wanted) in [
        ("SLO", 1_152, ["37.83", "29.21", "28.79", "43.81", "20.84"]),
        ("SLO", 1_280, ["16.36", "14.45", "14.35", "22.70", "10.48"]),
        ("MIX1", 1_152, ["22.78", "29.20", "28.61", "32.82", "11.43"]),
        ("MIX1", 1_280, ["10.11", "14.73", "14.72", "11.70", "7.68"]),
    ] {
        let Some(content) = data::bytes(&format!("deadline/trace_job_Philly_{file}.csv")) else {
            continue;
        };
        let log = philly::parse(&content, false).unwrap();
        let trace = log.trace(file, gpus, None).unwrap();
        for (policy, wanted) in policies.into_iter().zip(wanted) {
            cells.push((log.clone(), trace.clone(), policy, wanted));
        }
    }
    in_parallel(
        &cells,
        |(log, trace, policy, wanted)| {
            let options = Options {
                rounds: Rounds::EachMoment,
                ..options(policy, Mode::Greedy, None)
            };
            let outcome = simulate(trace, &options).unwrap();
            let missed = missed_percent(log, &outcome);
            assert_eq!(format!("{missed:.2}"), *wanted, "{} {policy}", trace.name);
        },
        |_| (),
    );
}
