//! What becomes of attempts, and what is reported of them.

use super::{NOW, assign, brief, end, join, joined, key, start, step, welcome};
use crate::{
    Outcome, ReportKind,
    session::{Input, Output},
};

#[test]
fn only_attempts_that_last_report_their_start() {
    let mut session = joined(100);
    start(&mut session, 1);
    start(&mut session, 2);
    step(&mut session, end(1));
    let batch = session.take_reports().expect("something to report");
    assert_eq!(brief(&batch), ["-1", "+2"]);
    assert_eq!(batch.sequence, 2);
    assert_eq!(session.take_reports(), None);
    step(&mut session, end(2));
    let batch = session.take_reports().expect("the second end");
    assert_eq!((batch.sequence, brief(&batch)), (3, vec!["-2".to_owned()]));
}

#[test]
fn an_assignment_that_arrives_twice_starts_once() {
    let mut session = joined(100);
    start(&mut session, 1);
    assert_eq!(step(&mut session, assign(1)), []);
    step(&mut session, end(1));
    assert_eq!(step(&mut session, assign(1)), [], "reported already");
    session.take_reports();
    step(&mut session, Input::Acknowledged { sequence: 1 });
    assert!(session.is_settled());
}

#[test]
fn a_join_names_what_runs_and_what_was_not_acknowledged() {
    let mut session = joined(100);
    for task in 1..=3 {
        start(&mut session, task);
    }
    step(&mut session, end(1));
    step(&mut session, end(2));
    assert_eq!(brief(&session.take_reports().unwrap()), ["-1", "-2", "+3"]);
    step(&mut session, Input::Acknowledged { sequence: 1 });
    step(&mut session, Input::Disconnected);
    assert_eq!(session.take_reports(), None, "nobody listens");
    let join = join(&mut session);
    assert_eq!(join.running, [key(3)]);
    assert_eq!(join.reports.sequence, 3);
    assert_eq!(brief(&join.reports), ["-2", "+3"]);
}

#[test]
fn what_the_welcome_discards_is_killed_and_never_reported() {
    let mut session = joined(100);
    start(&mut session, 1);
    step(&mut session, Input::Disconnected);
    join(&mut session);
    let outputs = step(&mut session, welcome(2, vec![key(1), key(9)]));
    assert_eq!(outputs, [Output::Discard { key: key(1) }]);
    session.take_reports();
    step(&mut session, end(1));
    assert_eq!(session.take_reports(), None);
}

#[test]
fn a_stop_reaches_the_executor_or_is_answered() {
    let mut session = joined(100);
    start(&mut session, 1);
    let stop = |task| Input::Stop {
        key: key(task),
        grace_ms: 7,
        now: NOW,
    };
    assert_eq!(
        step(&mut session, stop(1)),
        [Output::Stop {
            key: key(1),
            grace_ms: 7
        }]
    );
    assert_eq!(step(&mut session, stop(2)), []);
    let batch = session.take_reports().unwrap();
    let stopped = &batch.reports[0];
    assert_eq!(stopped.key, key(2));
    assert!(matches!(
        stopped.what,
        ReportKind::Ended {
            outcome: Outcome::Stopped,
            ..
        }
    ));
    assert_eq!(step(&mut session, stop(2)), [], "answered already");
    assert_eq!(session.take_reports(), None);
}
