//! Each flag says something, or is refused.

use std::fs;

use tempfile::TempDir;

use super::{CommandLine, POOL_LOG, evaluate, parse, published, run};
use crate::{
    command::{SourceArgs, logs},
    simulate::Rounds,
};

const SWF_LOG: &str = "1 0 0 10 1 -1 -1 1 10 -1 1 1 1 -1 1 -1 -1 -1\n";
const TASKS: &str = "0,j_1,M1,10,100.0,0.3,2\n7,j_2,task_x,5,5.0,0.1,1\n";
const QUERIES: &str = r#"{"1":{"edges":[],"stages":[{"num_tasks":2,"rough_duration_ms":4,
    "fresh_durations":{"2":[4000]},"first_wave":{"2":[4000]},"rest_wave":{"2":[4000]}}]}}"#;
const HISTORY: &str = r#"{"header":{"format":"drover-history","version":1,"from_ms":0,"until_ms":9000,"policy":"edf","dispatch_mode":"easy","score_weights":""}}
{"node":{"name":"fast","state":"ready","capacity":{"cpu_millis":4000,"memory_bytes":1,"gpus":0,"disk_bytes":0,"named":[]},"attributes":{"class":"cloud"},"speed_permille":1000}}
{"job":{"id":"j1","name":"n","owner":"ann","queue":"q","priority":75,"submitted_ms":10,"deadline_ms":null,"state":"succeeded","ended_ms":30,"cost_micros":7,"energy_joules":0,"tasks":[{"name":"a","needs":[],"resources":{"cpu_millis":1000,"memory_bytes":0,"gpus":0,"disk_bytes":0,"named":[]},"stated_ms":null,"signature":"00000000000000ff","retries":1,"attempts":[{"instance":0,"number":1,"node":"fast","assigned_ms":10,"started_ms":20,"ended_ms":30,"outcome":"succeeded"}]}]}}
"#;

/// What stands for a load in the lines below.
const LOADS: [(&str, &str); 5] = [
    ("swf", SWF_LOG),
    ("gpus", POOL_LOG),
    ("tasks", TASKS),
    ("queries", QUERIES),
    ("history", HISTORY),
];

/// One small file of each format.
fn files() -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, content) in LOADS {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

/// A command with its load: `made-up`, or one of [`LOADS`].
fn line(folder: &TempDir, command: &str, load: &str) -> String {
    match load {
        "made-up" => format!("{command} --workload steady"),
        file => format!("{command} --trace {}", folder.path().join(file).display()),
    }
}

#[test]
fn flags_of_evaluate_are_for_some_loads() {
    let folder = files();
    for (flag, of) in [
        ("--load 0.5", "made-up tasks"),
        ("--jobs 2", "made-up tasks queries history"),
        ("--lenient", "swf gpus tasks history"),
        ("--processors 4", "swf"),
        ("--gpus 8", "gpus"),
        ("--days 9-10", "gpus"),
        ("--slices 1", "gpus"),
        ("--arrivals stream", "queries"),
        ("--moving-ms 0", "queries"),
        ("--seeds 2", "made-up queries"),
        ("--first-seed 2", "made-up queries"),
        ("--windows 1 --window-length 1", "swf"),
        ("--windows whole", "swf"),
    ] {
        for load in ["made-up", "swf", "gpus", "tasks", "queries", "history"] {
            let short = match load {
                "made-up" if !flag.contains("--seeds") => " --seeds 1",
                _ => "",
            };
            let line = line(&folder, "evaluate --policies fifo", load);
            let line = format!("{line} {flag}{short}");
            let is_used = of.split(' ').any(|one| one == load);
            match run(&line) {
                Ok(()) => assert!(is_used, "{line} says nothing"),
                Err(error) => {
                    assert!(!is_used && error.is_usage(), "{line}: {error}");
                    let name = flag.split(' ').next().unwrap();
                    let said = error.to_string();
                    assert!(said.starts_with(&format!("{name} says nothing")), "{said}");
                }
            }
        }
    }
}

fn refusal(line: &str) -> String {
    match parse(line) {
        Ok(_) => super::refused(line),
        Err(said) => said,
    }
}

#[test]
fn flags_of_the_rest_are_refused_where_they_say_nothing() {
    let folder = files();
    let log = line(&folder, "evaluate", "swf");
    let tasks = line(&folder, "evaluate", "tasks");
    let one = line(&folder, "simulate", "swf");
    let format = "evaluate --workload steady --seeds 1";
    for (line, flags, problem) in [
        (format, "--format swf", "--format says nothing"),
        (
            &*log,
            "--windows whole --window-length 1",
            "--window-length says nothing",
        ),
        (&tasks, "--load 0.5,0.9", "several --load"),
        (
            &log,
            "--backfill-order sjf",
            "--backfill-order says nothing",
        ),
        (
            &one,
            "--backfill-order sjf",
            "--backfill-order says nothing",
        ),
        (&one, "--seed 3", "--seed says nothing"),
        (&one, "--jobs 3", "--jobs says nothing"),
        (&one, "--rate 3", "cannot be used with"),
        (
            "simulate --workload steady",
            "--n-max 3",
            "cannot be used with",
        ),
        ("simulate", "--n-max 3", "--generate-jobs <NUMBER>"),
        (
            "simulate --generate-jobs 3",
            "--gpus 3",
            "cannot be used with",
        ),
        (
            "simulate --generate-jobs 3",
            "--jobs 3",
            "cannot be used with",
        ),
        (
            "simulate --generate-jobs 3",
            "--rate 1 --load 1",
            "cannot be used with",
        ),
        (
            "simulate --generate-jobs 3",
            "--at-once --load 1",
            "cannot be used with",
        ),
        ("simulate --generate-jobs 3", "--load 1,2", "several --load"),
    ] {
        let said = refusal(&format!("{line} {flags}"));
        assert!(said.contains(problem), "{line} {flags}: {said}");
    }
}

#[test]
fn the_published_protocol_takes_few_flags() {
    let folder = files();
    let log = line(&folder, "evaluate --protocol rlscheduler", "swf");
    let published = |flags: &str| match parse(&format!("{log} {flags}")).unwrap() {
        CommandLine::Evaluate(args) => published(&args),
        CommandLine::Simulate(_) => unreachable!("it says evaluate"),
    };
    for flag in [
        "--baseline sjf",
        "--noise 0.5",
        "--age-cap-s 60",
        "--output-dir nowhere",
        "--seeds 3",
        "--gpus 8",
        "--load 0.5",
    ] {
        let said = published(flag).unwrap_err().to_string();
        let name = flag.split(' ').next().unwrap();
        assert!(said.starts_with(&format!("{name} says nothing")), "{said}");
    }
    let said = published("--workload steady").unwrap_err().to_string();
    assert!(said.contains("one SWF log and nothing else"), "{said}");
    let rules = |flags: &str| published(flags).unwrap().0.len();
    assert_eq!(rules(""), 10);
    assert_eq!(rules("--policies all --backfill"), 5);
    assert_eq!(rules("--policies sjf"), 2);
}

#[test]
fn executors_are_modelled_where_moving_costs_nothing() {
    let folder = files();
    let makespan_s = |flags: &str| {
        let line = line(
            &folder,
            "evaluate --policies fifo --seeds 1 --jobs 1",
            "queries",
        );
        let CommandLine::Evaluate(args) = parse(&format!("{line} {flags}")).unwrap() else {
            unreachable!("it says evaluate")
        };
        let (evaluation, _) = evaluate(&args, &|_, _| ()).unwrap();
        evaluation.cells()[0].runs(0)[0].figures.makespan_s
    };
    // Of the stage, roughly, and of an executor that comes from another job.
    assert_eq!((makespan_s(""), makespan_s("--moving-ms 0")), (0.004, 4.0));
    assert!(makespan_s("--moving-ms 2000") >= 4.0);
}

/// What has happened, and not what is drawn.
#[test]
fn logs_are_what_has_times_of_its_own() {
    let folder = files();
    for (name, jobs) in [("swf", 1), ("gpus", 3), ("tasks", 2), ("history", 1)] {
        let source = SourceArgs {
            trace: vec![folder.path().join(name)],
            ..SourceArgs::default()
        };
        let logs = logs(&source).unwrap();
        let told: Vec<usize> = logs.iter().map(|log| log.trace.jobs.len()).collect();
        assert_eq!(told, [jobs], "{name}");
        let is_minutes = logs[0].rounds == Rounds::EachMoment;
        assert_eq!(is_minutes, name == "gpus", "{name}");
    }
    let queries = SourceArgs {
        trace: vec![folder.path().join("queries")],
        ..SourceArgs::default()
    };
    let error = logs(&queries).unwrap_err();
    assert!(error.to_string().contains("no log"), "{error}");
}
