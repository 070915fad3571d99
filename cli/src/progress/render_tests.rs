use drover_proto::v1::{
    Attempt, JobChange, JobSpec, Task, TaskChange, TaskCounts, watch_job_response::Event,
};
use pbjson_types::Timestamp;

use super::*;

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

fn job(names: &[&str]) -> Job {
    let task = |name: &&str| Task {
        name: (*name).to_owned(),
        state: TaskState::Queued.into(),
        ..Task::default()
    };
    Job {
        id: "id".to_owned(),
        spec: Some(JobSpec {
            name: "nightly".to_owned(),
            ..JobSpec::default()
        }),
        state: JobState::Running.into(),
        submit_time: at(0),
        tasks: names.iter().map(task).collect(),
        ..Job::default()
    }
}

fn change(task: u32, state: TaskState, attempt: u32, node: &str) -> Event {
    Event::Task(TaskChange {
        task,
        state: state.into(),
        attempt,
        node: node.to_owned(),
    })
}

#[test]
fn few_tasks_are_shown_one_by_one() {
    let mut record = job(&["a", "b"]);
    record.deadline = at(60);
    let mut board = Board::new(&record);
    board.apply(change(0, TaskState::Running, 1, "n1"), 1_000);
    board.apply(change(0, TaskState::Succeeded, 1, "n1"), 3_500);
    board.apply(change(1, TaskState::Running, 2, "n2"), 4_000);
    assert_eq!(
        live(&[board], 5_000),
        [
            "▶ nightly [============            ] 1/2 running, 55.0 s to the deadline",
            "  ✔ a  succeeded on n1, 2.5 s",
            "  ▶ b  running on n2, attempt 2, 1.0 s",
        ]
    );
}

#[test]
fn many_tasks_are_counted() {
    let names: Vec<String> = (0..30).map(|number| format!("t{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut board = Board::new(&job(&names));
    for task in 0..10 {
        board.apply(change(task, TaskState::Running, 1, "n"), 0);
    }
    board.apply(change(29, TaskState::Failed, 1, "n"), 0);
    let lines = live(&[board], 0);
    assert_eq!(lines[1], "  19 waiting, 10 active, 1 failed");
    assert_eq!(lines.len(), 2 + SHOWN_RUNNING);
}

#[test]
fn a_snapshot_after_a_gap_tells_what_has_changed() {
    let mut board = Board::new(&job(&["a", "b"]));
    let mut later = job(&["a", "b"]);
    later.tasks[1].state = TaskState::Running.into();
    later.tasks[1].attempts = vec![Attempt {
        number: 1,
        node: "n1".to_owned(),
        ..Attempt::default()
    }];
    let news = board.apply(Event::Snapshot(later), 0);
    assert_eq!(news, [News::Task(1)]);
    assert_eq!(super::change(&board, &news[0]), "nightly/b: running on n1");
}

#[test]
fn summary_names_failures_and_their_logs() {
    let mut record = job(&["a b"]);
    record.state = JobState::Failed.into();
    record.end_time = at(90);
    record.deadline = at(60);
    record.message = "task `a b` failed".to_owned();
    record.tasks[0].state = TaskState::Failed.into();
    record.tasks[0].attempts = vec![Attempt {
        number: 1,
        state: AttemptState::Failed.into(),
        message: "exit code 3".to_owned(),
        ..Attempt::default()
    }];
    assert_eq!(
        summary(&record),
        "✘ nightly failed in 1 m 30 s, deadline missed by 30.0 s: task `a b` failed\n  \
         ✘ a b failed: exit code 3\n      drover job logs id 'a b'"
    );
}

#[test]
fn a_rollback_is_followed_to_its_end() {
    let mut board = Board::new(&job(&["a"]));
    board.apply(change(0, TaskState::Succeeded, 1, "n1"), 1_000);
    let rolling_back = Event::Job(JobChange {
        state: JobState::RollingBack.into(),
        message: String::new(),
    });
    let news = board.apply(rolling_back, 2_000);
    assert_eq!(super::change(&board, &news[0]), "nightly: rolling back");
    assert!(!board.is_final());
    let news = board.apply(change(0, TaskState::Undoing, 0, ""), 3_000);
    assert_eq!(super::change(&board, &news[0]), "nightly/a: undoing");
    let news = board.apply(change(0, TaskState::Undoing, 1, "n2"), 3_000);
    assert_eq!(super::change(&board, &news[0]), "nightly/a: undoing on n2");
    let started = board.apply(change(0, TaskState::Undoing, 1, "n2"), 3_100);
    assert_eq!(started, [], "told once");
    assert_eq!(board.ended(), 0);
    board.apply(change(0, TaskState::Undone, 1, "n2"), 4_000);
    assert_eq!(board.ended(), 1);
    board.state = JobState::RolledBack;
    assert!(board.is_final());
    assert_eq!(
        live(&[board], 5_000)[0],
        "↶ nightly [========================] 1/1 rolled back"
    );
}

#[test]
fn summary_points_to_the_log_of_an_undo_step_that_failed() {
    let attempt = |state: AttemptState, message: &str| Attempt {
        number: 1,
        state: state.into(),
        message: message.to_owned(),
        ..Attempt::default()
    };
    let mut record = job(&["a", "b"]);
    record.state = JobState::RollbackFailed.into();
    record.tasks[0].state = TaskState::UndoFailed.into();
    record.tasks[0].attempts = vec![attempt(AttemptState::Succeeded, "")];
    record.tasks[0].undo_attempts = vec![attempt(AttemptState::Failed, "exited with code 3")];
    record.tasks[1].state = TaskState::TimedOut.into();
    record.tasks[1].attempts = vec![attempt(AttemptState::Expired, "found no node within 2 s")];
    assert_eq!(
        summary(&record),
        "✘ nightly rollback failed\n  ✘ a undo failed: exited with code 3\n      drover job logs id a --undo\n  \
         ✘ b timed out: found no node within 2 s"
    );
}

/// An array with so many instances, and the task that stands for them.
fn with_array(count: u32) -> Job {
    let names: Vec<String> = (0..count).map(|index| format!("a[{index}]")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).chain(["a"]).collect();
    let mut record = job(&names);
    let (whole, instances) = record.tasks.split_last_mut().unwrap();
    whole.state = TaskState::Pending.into();
    whole.instances = Some(TaskCounts {
        total: count,
        ..TaskCounts::default()
    });
    for instance in instances {
        instance.instance_of = "a".to_owned();
    }
    record
}

#[test]
fn an_array_has_as_many_tasks_as_instances() {
    let mut board = Board::new(&with_array(2));
    board.apply(change(0, TaskState::Succeeded, 1, ""), 0);
    let lines = live(std::slice::from_ref(&board), 0);
    assert!(lines[0].ends_with(" 1/2 running"), "{lines:?}");
    assert_eq!(lines[3], "  · a  pending");
}

#[test]
fn of_a_large_array_only_failures_are_told() {
    let mut board = Board::new(&with_array(1_000));
    let done = board.apply(change(0, TaskState::Succeeded, 1, ""), 0);
    assert_eq!(done, []);
    let failed = board.apply(change(1, TaskState::Failed, 1, ""), 0);
    assert_eq!(failed, [News::Task(1)]);
    let whole = board.apply(change(1_000, TaskState::Succeeded, 0, ""), 0);
    assert_eq!(whole, [News::Task(1_000)]);
    let mut small = Board::new(&with_array(20));
    let done = small.apply(change(0, TaskState::Succeeded, 1, ""), 0);
    assert_eq!(done, [News::Task(0)]);
}

#[test]
fn a_summary_names_the_first_failures() {
    let mut record = with_array(25);
    record.state = JobState::Failed.into();
    for instance in &mut record.tasks[..25] {
        instance.state = TaskState::Failed.into();
    }
    let text = summary(&record);
    assert!(text.contains("a[19]") && !text.contains("a[20]"), "{text}");
    assert!(
        text.ends_with("\n  and 5 more; drover job show id tells them"),
        "{text}"
    );
}
