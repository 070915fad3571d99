//! Flags that make no sense.

mod unused_flags;

use std::{fs, path::Path, sync::Mutex};

use clap::Parser;
use tempfile::TempDir;

use super::{CommandError, EvaluateArgs, SimulateArgs, evaluate, published, simulate};
use crate::{evaluate::Figures, report};

#[derive(Debug, Parser)]
enum CommandLine {
    Simulate(Box<SimulateArgs>),
    Evaluate(Box<EvaluateArgs>),
}

fn parse(line: &str) -> Result<CommandLine, String> {
    let words = ["drover"].into_iter().chain(line.split_whitespace());
    CommandLine::try_parse_from(words).map_err(|error| error.to_string())
}

fn run(line: &str) -> Result<(), CommandError> {
    match parse(line).unwrap() {
        CommandLine::Simulate(args) => simulate(&args).map(drop),
        CommandLine::Evaluate(args) => evaluate(&args, &|_, _| ()).map(drop),
    }
}

/// What came out, in full precision.
fn figures(line: &str) -> String {
    let evaluation = match parse(line).unwrap() {
        CommandLine::Simulate(args) => simulate(&args).unwrap().evaluation,
        CommandLine::Evaluate(args) => evaluate(&args, &|_, _| ()).unwrap().0,
    };
    report::json(&evaluation).unwrap()
}

/// What is said of flags that another value would mend.
fn refused(line: &str) -> String {
    let error = run(line).unwrap_err();
    assert!(error.is_usage(), "{line}: {error}");
    error.to_string()
}

#[test]
fn flags_that_do_not_fit_are_refused() {
    for (line, problem) in [
        ("evaluate", "--workload steady"),
        ("evaluate --workload stedy", "did you mean `steady`"),
        (
            "evaluate --workload steady --jobs 0",
            "--load or --jobs: the number of jobs is 0",
        ),
        (
            "evaluate --workload steady --load=-1",
            "--load or --jobs: the load is -1",
        ),
        (
            "evaluate --workload steady --jobs 9 --seeds 1 --policies sjff",
            "did you mean `sjf`",
        ),
        (
            "evaluate --workload steady --jobs 9 --seeds 1 --baseline edff",
            "--baseline: ",
        ),
        ("simulate --workload steady,dag", "one workload at one load"),
        (
            "simulate --workload steady --load 0.5,0.9",
            "one workload at one load",
        ),
        (
            "simulate --workload steady --jobs 9 --policy sjff",
            "did you mean `sjf`",
        ),
        (
            "simulate --workload steady --jobs 9 --nodes -16",
            "--nodes `-16`: ",
        ),
        (
            "simulate --generate-jobs 5 --n-min 4 --n-max 2",
            "--n-min 4 is above --n-max 2",
        ),
        ("simulate --generate-jobs 5 --n-max 9", "largest node has 4"),
        ("simulate --generate-jobs 5 --hosts 0", "node"),
    ] {
        let said = refused(line);
        assert!(said.contains(problem), "{line}: {said}");
    }
}

#[test]
fn values_that_cannot_be_are_refused_by_their_flag() {
    for (line, problem) in [
        (
            "evaluate --workload steady --noise 9",
            "a number from 0 to 5",
        ),
        (
            "evaluate --trace a --windows 0",
            "must be published, whole, or a number",
        ),
        ("evaluate --trace a --days 14-9", "two days from 1 on"),
        ("evaluate --workload steady --seeds 0", "'--seeds <NUMBER>'"),
        (
            "simulate --trace a --windows 3",
            "unexpected argument '--windows'",
        ),
        (
            "simulate --workload steady --generate-jobs 3",
            "cannot be used with",
        ),
        ("simulate --workload steady --nodes 2", "must be + or -"),
    ] {
        let said = parse(line).unwrap_err();
        assert!(said.contains(problem), "{line}: {said}");
    }
}

#[test]
fn an_age_cap_of_nothing_lets_nothing_grow_old() {
    let line = "evaluate --workload steady --load 1.5 --jobs 100 --seeds 1 --policies sjf";
    let capped = |seconds: u32| figures(&format!("{line} --age-cap-s {seconds}"));
    assert_eq!(capped(0), figures(line));
    assert_ne!(capped(1), figures(line));
    let line = "simulate --workload steady --load 1.5 --jobs 100 --policy sjf";
    let capped = |seconds: u32| figures(&format!("{line} --age-cap-s {seconds}"));
    assert_eq!(capped(0), capped(1_000_000_000));
    assert_ne!(capped(0), capped(1));
}

/// A job at the beginning of the ninth day, and two on the tenth.
const POOL_LOG: &str = "\
job_id,user,num_gpu,submit_time,iterations,model_name,duration,interval,expect_time_list,expect_value_list,best_effort,job_type
0,ann,4,11520,1,vgg16,30,8,45,10,0,strict
1,ann,1,12970,1,vgg16,30,8,45,10,0,strict
2,ann,1,12980,1,vgg16,30,8,45,10,0,strict
";

#[test]
fn figures_are_of_jobs_that_count() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("pool.csv");
    fs::write(&log, POOL_LOG).unwrap();
    for command in ["evaluate --policies fifo", "simulate"] {
        let line = format!("{command} --trace {}", log.display());
        let said = refused(&format!("{line} --days 9-9"));
        assert!(said.contains("no job of pool 1152 gpus counts"), "{said}");
        assert!(said.contains("more --days"), "{said}");
        run(&format!("{line} --days 9-10")).unwrap();
    }
}

/// Of the first policy on the first load, with its mode.
fn first(line: &str) -> (String, Figures) {
    let evaluation = match parse(line).unwrap() {
        CommandLine::Simulate(args) => simulate(&args).unwrap().evaluation,
        CommandLine::Evaluate(args) => evaluate(&args, &|_, _| ()).unwrap().0,
    };
    let mode = evaluation.contenders()[0].mode.to_string();
    (mode, evaluation.cells()[0].runs(0)[0].figures.clone())
}

#[test]
fn slices_of_a_pool_are_runs() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("pool.csv");
    let later =
        "3,ann,1,13500,1,vgg16,30,8,45,10,0,strict\n4,ann,1,13900,1,vgg16,30,8,45,10,0,strict\n";
    fs::write(&log, format!("{POOL_LOG}{later}")).unwrap();
    let line = format!("evaluate --policies fifo --trace {}", log.display());
    let CommandLine::Evaluate(args) = parse(&format!("{line} --days 9-10 --slices 2")).unwrap()
    else {
        unreachable!("it says evaluate")
    };
    let (evaluation, _) = evaluate(&args, &|_, _| ()).unwrap();
    let runs = evaluation.cells()[0].runs(0).iter();
    let counted: Vec<u64> = runs.map(|run| run.figures.jobs).collect();
    assert_eq!(counted, [2, 1]);
    let said = refused(&format!("{line} --days 9-10 --slices 9"));
    assert!(said.contains("no job"), "{said}");
}

#[test]
fn one_run_is_judged_as_in_a_comparison() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("pool.csv");
    fs::write(&log, POOL_LOG).unwrap();
    let pool = format!("--trace {} --days 9-10", log.display());
    for (load, once, mode, jobs) in [
        (
            "--workload steady --jobs 50 --load 1.5",
            "--seeds 1",
            "easy",
            45,
        ),
        (&pool, "", "greedy", 1),
    ] {
        let (simulated, figures) = first(&format!("simulate --policy sjf --age-cap-s 0 {load}"));
        let evaluated = first(&format!("evaluate --policies sjf {once} {load}"));
        assert_eq!((&*simulated, figures.jobs), (mode, jobs), "{load}");
        assert_eq!((simulated, figures), evaluated, "{load}");
    }
}

#[test]
fn generated_jobs_may_all_be_there_at_once() {
    let last_ms = |flags: &str| {
        let line = format!("simulate --generate-jobs 9 {flags}");
        let CommandLine::Simulate(args) = parse(&line).unwrap() else {
            unreachable!("it says simulate")
        };
        args.load().unwrap().0.jobs[8].submitted_ms
    };
    assert_eq!(last_ms("--at-once"), 0);
    assert!(last_ms("") > 0);
}

#[test]
fn a_file_is_read_once_for_several_cells() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("pool.csv");
    fs::write(&log, format!("{POOL_LOG}torn\n")).unwrap();
    let line = format!(
        "evaluate --policies fifo --trace {} --lenient --days 9-10 --gpus 4,8",
        log.display()
    );
    let CommandLine::Evaluate(args) = parse(&line).unwrap() else {
        unreachable!("it says evaluate")
    };
    let told = Mutex::new(Vec::new());
    let (evaluation, skipped) = evaluate(&args, &|done, all| {
        told.lock().unwrap().push((done, all));
    })
    .unwrap();
    let names = evaluation.cells().iter().map(|cell| &*cell.workload);
    assert_eq!(names.collect::<Vec<_>>(), ["pool 4 gpus", "pool 8 gpus"]);
    assert_eq!(skipped.total(), 1);
    assert_eq!(told.into_inner().unwrap(), [(1, 2), (2, 2)]);
    let said = refused(&line.replace("evaluate --policies fifo", "simulate"));
    assert!(said.contains("one file"), "{said}");
}

#[test]
fn a_file_that_is_not_there_is_no_matter_of_flags() {
    let error = run("evaluate --trace nowhere.swf").unwrap_err();
    assert!(!error.is_usage());
    assert!(error.to_string().contains("nowhere.swf"), "{error}");
}

#[test]
fn what_makes_no_sense_in_a_file_is_named() {
    let folder = TempDir::new().unwrap();
    for (name, content, problem) in [
        ("log.swf", "1 2\n", "log.swf, line 1, column"),
        ("pool.csv", "expect_time_list\n", "pool.csv, "),
        (
            "tasks.csv",
            "0,j_1,M1,10,100.0,0.3,x\n",
            "tasks.csv, line 1",
        ),
        ("queries.json", "{", "queries.json, line 1"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let error = run(&format!("evaluate --trace {}", path.display())).unwrap_err();
        assert!(!error.is_usage());
        assert!(error.to_string().contains(problem), "{error}");
    }
    let path = folder.path().join("pool.csv");
    fs::write(&path, format!("{POOL_LOG}torn\n")).unwrap();
    let line = format!("evaluate --policies fifo --trace {}", path.display());
    assert!(run(&line).unwrap_err().to_string().contains("line 5"));
    run(&format!("{line} --lenient --days 9-10")).unwrap();
}

#[test]
fn cells_of_equal_names_have_pictures_of_their_own() {
    let folder = TempDir::new().unwrap();
    let mut line = "evaluate --policies fifo --days 9-10 --trace".to_owned();
    for year in ["one", "other"] {
        let log = folder.path().join(year).join("pool.csv");
        fs::create_dir(log.parent().unwrap()).unwrap();
        fs::write(&log, POOL_LOG).unwrap();
        line += &format!(" {}", log.display());
    }
    let out = folder.path().join("out");
    run(&format!("{line} --output-dir {}", out.display())).unwrap();
    for name in ["01-pool-1152-gpus", "02-pool-1152-gpus"] {
        for picture in ["objective", "slowdown"] {
            let file = out.join(format!("{name}-{picture}.svg"));
            assert!(file.is_file(), "{}", file.display());
        }
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = TempDir::new().unwrap();
    let taken = folder.path().join("taken");
    fs::write(&taken, "").unwrap();
    let line = "evaluate --workload steady --jobs 9 --seeds 1 --policies fifo";
    let CommandLine::Evaluate(args) =
        parse(&format!("{line} --output-dir {}", taken.display())).unwrap()
    else {
        unreachable!("it says evaluate")
    };
    let error = evaluate(&args, &|_, _| panic!("nothing is simulated before")).unwrap_err();
    assert!(!error.is_usage());
    assert!(error.to_string().contains(&*taken.to_string_lossy()));
}

fn published_error(log: &Path, flags: &str) -> String {
    let line = format!(
        "evaluate --protocol rlscheduler {flags} --trace {}",
        log.display()
    );
    match parse(&line).unwrap() {
        CommandLine::Evaluate(args) => published(&args).unwrap_err().to_string(),
        CommandLine::Simulate(_) => unreachable!("it says evaluate"),
    }
}

#[test]
fn the_published_protocol_says_what_it_has_not() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("small.swf");
    let job = "1 0 0 10 1 -1 -1 1 10 -1 1 1 1 -1 1 -1 -1 -1";
    fs::write(&log, format!("; MaxProcs: 4\n{job}\n")).unwrap();
    let said = published_error(&log, "--dispatch easy");
    assert!(said.contains("takes --backfill only"), "{said}");
    let said = published_error(&log, "--policies llf");
    assert!(said.starts_with("--policies: "), "{said}");
}
