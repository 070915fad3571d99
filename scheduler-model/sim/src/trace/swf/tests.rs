use super::*;
use crate::trace::{Trace, Windows};

/// Ids do not follow the lines, nor times of submission the ids.
const LOG: &str = "\
; Version: 2.2
; MaxNodes: 4
; MaxProcs: 8
3 30 -1 50   2 -1 -1 4 100 -1 1 7 1 5 -1 -1 -1 -1
1 10 -1 20.5 8 -1 -1 -1 -1 -1 1 7 1 5 -1 -1 -1 -1 0

2 40 -1 -1   1 -1 -1 1 -1 -1 1 8 1 5 -1 -1 -1 -1
4 50 -1 0    1 -1 -1 1 -1 -1 1 8 1 5 -1 -1 -1 -1
";

fn read(text: &str) -> Result<SwfLog, ParseTraceError> {
    parse(text.as_bytes(), SwfOptions::default())
}

fn refusal(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn reads_by_the_rules_of_the_published_loader() {
    let log = read(LOG).unwrap();
    assert_eq!((log.processors, log.dropped), (8, 1));
    let job = |id, submitted_ms, run_ms, requested_ms, processors, user| SwfJob {
        id,
        submitted_ms,
        run_ms,
        requested_ms,
        processors,
        user,
        executable: 5,
    };
    assert_eq!(
        log.jobs,
        [
            job(1, 10_000, 20_500, 20_500, 8, 7),
            job(2, 40_000, 10_000, 10_000, 1, 8),
            job(3, 30_000, 50_000, 100_000, 4, 7),
        ]
    );
}

#[test]
fn a_machine_is_as_large_as_told_or_stated_or_needed() {
    let told = SwfOptions {
        processors: Some(16),
        ..SwfOptions::default()
    };
    assert_eq!(parse(LOG.as_bytes(), told).unwrap().processors, 16);
    let nodes_only = LOG
        .replace("; MaxProcs: 8\n", "")
        .replace("MaxNodes: 4", "MaxNodes: 9 (or so)");
    assert_eq!(read(&nodes_only).unwrap().processors, 9);
    let silent = LOG.replace("; Max", "; Some");
    assert_eq!(read(&silent).unwrap().processors, 8);
    let small = LOG.replace("MaxProcs: 8", "MaxProcs: 7");
    assert_eq!(
        refusal(&small),
        "line 5, column 5: expected a number of processors from 1 to those of the machine, found \"8\""
    );
}

#[test]
fn bad_lines_say_where_and_what() {
    let cases = [
        (
            "1 10 -1 20",
            "line 1, column 18: expected 18 fields, found the end of the line",
        ),
        (
            "x 10 -1 20 8 -1 -1 -1 -1 -1 1 7 1 5 -1 -1 -1 -1",
            "line 1, column 1: expected the whole number of a job, found \"x\"",
        ),
        (
            "1 -5 -1 20 8 -1 -1 -1 -1 -1 1 7 1 5 -1 -1 -1 -1",
            "line 1, column 2: expected a time of submission in seconds, at least 0, found \"-5\"",
        ),
        (
            "1 10 -1 NaN 8 -1 -1 -1 -1 -1 1 7 1 5 -1 -1 -1 -1",
            "line 1, column 4: expected a run time in seconds, or -1, found \"NaN\"",
        ),
        (
            "1 10 -1 -5 8 -1 -1 -1 -1 -1 1 7 1 5 -1 -1 -1 -1",
            "line 1, column 4: expected a run time in seconds, or -1, found \"-5\"",
        ),
        (
            "1 10 -1 20 8 -1 -1 -1 -7 -1 1 7 1 5 -1 -1 -1 -1",
            "line 1, column 9: expected a requested time in seconds, or -1, found \"-7\"",
        ),
        ("; only a comment", "there is no job in it"),
        ("", "there is no job in it"),
    ];
    for (text, said) in cases {
        let refusal = refusal(text);
        assert!(refusal.contains(said), "{refusal}");
    }
    assert!(parse(&[0xff, 0xfe, b'\n'], SwfOptions::default()).is_err());
}

#[test]
fn a_lenient_reader_counts_what_it_passes_over() {
    let text = format!("{LOG}torn 1\n9 9 9\n5 60 -1 NaN 1 -1 -1 1 -1 -1 1 8 1 5 -1 -1 -1 -1\n");
    let lenient = SwfOptions {
        lenient: true,
        ..SwfOptions::default()
    };
    let log = parse(text.as_bytes(), lenient).unwrap();
    assert_eq!(log.jobs.len(), 3);
    let counts: Vec<(&str, u64)> = log.skipped.lines.into_iter().collect();
    assert_eq!(
        counts,
        [("18 fields", 2), ("a run time in seconds, or -1", 1)]
    );
}

fn times(trace: &Trace) -> Vec<(&str, u64)> {
    let jobs = trace.jobs.iter();
    jobs.map(|job| (&*job.name, job.submitted_ms)).collect()
}

#[test]
fn windows_are_cut_by_id_and_ordered_by_time() {
    let log = read(LOG).unwrap();
    let windows = Windows {
        length: 2,
        starts: vec![1, 0],
    };
    let traces = log.windows("log", &windows).unwrap();
    assert_eq!(times(&traces[0]), [("3", 30_000), ("2", 40_000)]);
    assert_eq!(times(&traces[1]), [("1", 10_000), ("2", 40_000)]);
    assert_eq!(&*traces[1].name, "log from job 0");
    let beyond = Windows {
        length: 2,
        starts: vec![2],
    };
    assert!(log.windows("log", &beyond).is_err());
}

#[test]
fn a_trace_has_what_the_log_says() {
    let trace = read(LOG).unwrap().trace("log");
    assert_eq!(trace.nodes[0].capacity.cpu_millis, 8_000);
    assert_eq!(times(&trace), [("1", 10_000), ("3", 30_000), ("2", 40_000)]);
    let [first, second, third] = &trace.jobs[..] else {
        panic!("{trace:?}")
    };
    assert_eq!((&*second.owner, &*third.owner), ("user-7", "user-8"));
    let task = &second.tasks[0];
    assert_eq!(task.resources.cpu_millis, 4_000);
    assert_eq!(task.stated_ms, Some(100_000));
    assert_eq!(second.ideal_ms(), 50_000);
    assert_ne!(task.signature, first.tasks[0].signature);
}
