//! What the shared files hold.

use drover_sim::trace::{
    Trace,
    format::Format,
    read,
    swf::{self, SwfOptions},
};

use crate::data;

fn trace(file: &str) -> Option<Trace> {
    let path = data::path(file)?;
    let (trace, skipped) = data::parse(&read::open(&path, None).unwrap(), false).unwrap();
    assert_eq!(skipped.total(), 0);
    assert!(trace.jobs.is_sorted_by_key(|job| job.submitted_ms));
    let backwards = |(place, needs): (u32, &[u32])| needs.iter().all(|need| *need < place);
    for job in &trace.jobs {
        let needs = job.tasks.iter().map(|task| &*task.needs);
        assert!((0..).zip(needs).all(backwards), "{}", job.name);
    }
    Some(trace)
}

#[test]
fn logs_have_their_jobs() {
    let files = [
        ("lublin_256", 256, 10_000, 0),
        ("SDSC-SP2_filtered_from_predictsim", 128, 54_006, 0),
        ("NASA-iPSC-1993-3.1-cln", 128, 18_239, 173),
        ("theta_walltime", 4_392, 23_387, 0),
    ];
    for (file, processors, lines, dropped) in files {
        let Some(content) = data::bytes(&format!("swf/{file}.swf")) else {
            continue;
        };
        let log = swf::parse(&content, SwfOptions::default()).unwrap();
        assert_eq!(
            (log.processors, log.dropped),
            (processors, dropped),
            "{file}"
        );
        assert_eq!(log.jobs.len() as u64 + dropped, lines, "{file}");
        assert!(log.jobs.is_sorted_by_key(|job| job.id), "{file}");
        assert_eq!(log.trace(file).jobs.len(), log.jobs.len());
    }
}

#[test]
fn deadlines_have_their_classes() {
    for (file, strict) in [("SLO", 30_940), ("MIX1", 21_724)] {
        let Some(trace) = trace(&format!("deadline/trace_job_Philly_{file}.csv")) else {
            continue;
        };
        assert_eq!(trace.jobs.len(), 30_940);
        let with = trace.jobs.iter().filter(|job| job.deadline_ms.is_some());
        assert_eq!(with.count(), strict);
        let named = trace.jobs.iter().filter(|job| &*job.queue == "strict");
        assert_eq!(named.count(), strict);
        // The sum of GPU minutes over what 1,152 have in the 20,150 minutes of submissions.
        assert!((0.9..1.0).contains(&trace.offered_load()));
    }
}

#[test]
fn graphs_have_their_tasks() {
    let Some(trace) = trace("dag/alibaba2018_first_half_hour.csv") else {
        return;
    };
    assert_eq!(trace.jobs.len(), 7_320);
    let tasks: usize = trace.jobs.iter().map(|job| job.tasks.len()).sum();
    assert_eq!((tasks, trace.instances()), (28_435, 1_369_402));
    let load = trace.offered_load();
    assert!((0.89..=0.9).contains(&load), "sized to 0.9: {load}");
}

#[test]
fn queries_have_their_stages() {
    for (size, tasks) in [
        ("2g", 20_065),
        ("10g", 21_188),
        ("50g", 27_157),
        ("100g", 34_660),
    ] {
        let name = format!("tpch/tpch_{size}.json");
        let Some(path) = data::path(&name) else {
            continue;
        };
        let file = read::open(&path, None).unwrap();
        assert_eq!(file.format, Format::Tpch);
        let set = drover_sim::trace::tpch::parse(&file.content, size).unwrap();
        assert_eq!(set.queries.len(), 22);
        let stages = || set.queries.iter().flat_map(|query| &query.stages);
        assert_eq!(stages().count(), 202);
        assert_eq!(stages().map(|stage| stage.tasks).sum::<u32>(), tasks);
        assert_eq!(trace(&name).unwrap().jobs.len(), 20);
    }
}
