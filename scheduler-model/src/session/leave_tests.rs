//! Going in order.

use super::{
    Elapsed, Input, Output, Session,
    tests::{assign, brief, end, join, joined, key, step, welcome},
};
use crate::{AttemptKey, Outcome, ReportKind};

fn leave(session: &mut Session) -> Vec<Output> {
    let longest_grace_ms = 10_000;
    step(session, Input::Leave { longest_grace_ms })
}

/// Joined, with tasks 1 and 2.
fn with_two() -> Session {
    let mut session = joined(100);
    for task in 1..=2 {
        let outputs = step(&mut session, assign(task));
        assert!(matches!(outputs[..], [Output::Start(_)]));
    }
    session
}

fn stop(task: u32) -> Output {
    Output::Stop {
        key: key(task),
        grace_ms: 5_000,
    }
}

/// What is reported next.
fn outcomes(session: &mut Session) -> Vec<(AttemptKey, Outcome)> {
    let batch = session.take_reports().expect("something to report");
    let ended = batch.reports.iter().filter_map(|report| match report.what {
        ReportKind::Ended { outcome, .. } => Some((report.key, outcome)),
        ReportKind::Started { .. } => None,
    });
    ended.collect()
}

#[test]
fn an_agent_that_leaves_says_so_first_and_once() {
    let mut session = with_two();
    let expected = [Output::Leaving, stop(1), stop(2)];
    assert_eq!(leave(&mut session), expected, "each has its own grace");
    assert_eq!(leave(&mut session), [stop(1), stop(2)]);
}

#[test]
fn what_comes_all_the_same_is_refused_at_once() {
    let mut session = with_two();
    leave(&mut session);
    assert_eq!(step(&mut session, assign(3)), [], "it does not start");
    assert_eq!(outcomes(&mut session), [(key(3), Outcome::Refused)]);
    assert!(!session.may_go(), "others live");
}

#[test]
fn ends_are_reported_as_they_come() {
    let mut session = with_two();
    leave(&mut session);
    step(&mut session, end(1));
    assert_eq!(brief(&session.take_reports().unwrap()), ["-1"]);
    assert!(!session.may_go());
    step(&mut session, end(2));
    assert!(!session.may_go(), "a report waits");
    assert_eq!(brief(&session.take_reports().unwrap()), ["-2"]);
    assert!(session.may_go());
}

#[test]
fn it_can_wait_for_its_acknowledgements() {
    let mut session = with_two();
    leave(&mut session);
    for task in 1..=2 {
        step(&mut session, end(task));
    }
    session.take_reports();
    assert!(session.may_go() && session.awaits_acknowledgement());
    step(&mut session, Input::Acknowledged { sequence: 1 });
    assert!(session.awaits_acknowledgement());
    step(&mut session, Input::Acknowledged { sequence: 2 });
    assert!(!session.awaits_acknowledgement());
}

#[test]
fn nobody_acknowledges_without_a_connection() {
    let mut session = with_two();
    leave(&mut session);
    for task in 1..=2 {
        step(&mut session, end(task));
    }
    step(&mut session, Input::Disconnected);
    assert!(session.may_go() && !session.awaits_acknowledgement());
}

#[test]
fn a_coordinator_that_it_joins_meanwhile_hears_of_it_as_well() {
    let mut session = with_two();
    step(&mut session, Input::Disconnected);
    assert_eq!(leave(&mut session), [stop(1), stop(2)], "nobody hears");
    join(&mut session);
    assert_eq!(leave(&mut session), [stop(1), stop(2)], "not yet");
    assert_eq!(step(&mut session, welcome(1, vec![])), [Output::Leaving]);
    step(&mut session, Input::Disconnected);
    let now = Elapsed(0);
    let outputs = step(&mut session, Input::Connected { now });
    assert!(matches!(outputs[..], [Output::Join(_)]));
    assert_eq!(step(&mut session, welcome(2, vec![])), [Output::Leaving]);
}
