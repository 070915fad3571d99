use drover_model::{AttemptState, JobState, Timestamp};
use drover_sim::{
    trace::history::line::{AttemptLine, JobLine, TaskLine},
    workload::{
        equal_nodes,
        generator::{Arrivals, Generator},
    },
};

use super::*;

fn trace(jobs: u32) -> Trace {
    let generator = Generator {
        jobs,
        processors: 1..=2,
        seconds: 1..=2,
        arrivals: Arrivals::PerSecond(2.0),
        slack: Some(1_000.0),
        seed: 7,
    };
    generator
        .generate(equal_nodes(2, 2))
        .expect("it makes sense")
}

fn options() -> ExecuteOptions<'static> {
    ExecuteOptions {
        address: None,
        policy: "fifo",
        mode: Mode::Easy,
        backfill_order: None,
        age_cap_s: 0,
        time_scale: 0.05,
        only_wait: true,
    }
}

#[tokio::test]
async fn what_cannot_be_executed_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for time_scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let wrong = ExecuteOptions {
            time_scale,
            ..options()
        };
        let refused = execute(&trace(1), &wrong, folder.path()).await;
        assert!(matches!(refused, Err(ExecuteError::TimeScale(_))));
    }
    let mut dag = trace(2);
    let task = dag.jobs[1].tasks[0].clone();
    dag.jobs[1].tasks.push(task);
    let refused = execute(&dag, &options(), folder.path()).await;
    let message = refused.expect_err("it has two tasks").to_string();
    assert!(
        message.contains("job 1 of") && message.contains("--generate-jobs"),
        "{message}"
    );
    let unknown = ExecuteOptions {
        policy: "fastest",
        ..options()
    };
    let refused = execute(&trace(1), &unknown, folder.path()).await;
    assert!(matches!(refused, Err(ExecuteError::Policy(_))));
    let unknown = ExecuteOptions {
        backfill_order: Some("fastest"),
        ..options()
    };
    let refused = execute(&trace(1), &unknown, folder.path()).await;
    assert!(matches!(refused, Err(ExecuteError::Policy(_))));
}

/// Times are what they were, less a thousand seconds.
const BEGAN_MS: i64 = 1_000_000;

fn attempt(number: u32, from_ms: i64, to_ms: i64, outcome: AttemptState) -> AttemptLine {
    AttemptLine {
        instance: 0,
        undo: false,
        number,
        node: "n1".into(),
        assigned_ms: BEGAN_MS + from_ms,
        started_ms: Some(BEGAN_MS + from_ms),
        ended_ms: Some(BEGAN_MS + to_ms),
        outcome,
    }
}

/// A job that came after a second, with a deadline after nine.
fn recorded(state: JobState, attempts: Vec<AttemptLine>) -> JobLine {
    let ended_ms = attempts.last().and_then(|attempt| attempt.ended_ms);
    let task = TaskLine {
        name: "only".into(),
        needs: Vec::new(),
        instances: None,
        resources: drover_model::Resources::default(),
        constraints: None,
        stated_ms: None,
        signature: 1,
        retries: 1,
        attempts,
    };
    JobLine {
        id: "id".to_owned(),
        name: "job".into(),
        owner: "ann".into(),
        queue: "main".into(),
        priority: 50,
        submitted_ms: BEGAN_MS + 1_000,
        deadline_ms: Some(BEGAN_MS + 9_000),
        state,
        ended_ms,
        cost_micros: 0,
        energy_joules: 0,
        tasks: vec![task],
    }
}

/// The files tell of every try, and that the job has not met its deadline although it ended before.
#[test]
fn a_job_that_fails_is_in_the_files_and_one_that_is_missing_is_not() {
    use AttemptState::{Failed, TimedOut};
    let tries = vec![
        attempt(1, 2_000, 3_000, TimedOut),
        attempt(2, 5_000, 6_000, Failed),
    ];
    let recording = Recording {
        began: Timestamp(BEGAN_MS),
        policy: "fifo".to_owned(),
        jobs: vec![None, Some(recorded(JobState::Failed, tries))],
        missing: BTreeMap::from([(0, Missing::Vanished("gone".to_owned()))]),
    };
    let trace = trace(2);
    let outcome = outcome::outcome(&trace, &recording, 0.5);
    assert_eq!(outcome.jobs.len(), 1);
    assert!(!outcome.jobs[0].succeeded);
    assert_eq!(outcome.jobs[0].ideal_ms * 2, trace.jobs[1].ideal_ms());
    let lines: Vec<_> = report::attempt_lines(&outcome, "fifo").collect();
    let seen: Vec<_> = lines
        .iter()
        .map(|line| (line.job, line.attempt, line.start_ms, line.queue_wait_ms))
        .collect();
    assert_eq!(seen, [(1, 1, 2_000, 1_000), (1, 2, 5_000, 2_000)]);
    assert!(
        lines
            .iter()
            .all(|line| !line.succeeded && line.met == Some(false))
    );
}
