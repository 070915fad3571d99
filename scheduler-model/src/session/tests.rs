//! Scripts of one agent's session.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Elapsed, End, Identity, Input, Options, Output, Reason, Session, Welcome};
use crate::{
    Assignment, AttemptKey, Epoch, JobId, Join, OnDisconnect, Outcome, Report, ReportBatch,
    ReportKind, Resources, Timestamp,
};

const NOW: Timestamp = Timestamp(1_000);

pub(super) fn key(task: u32) -> AttemptKey {
    AttemptKey {
        job: JobId::from_u128(1),
        task,
        attempt: 1,
    }
}

pub(super) fn assign(task: u32) -> Input {
    assign_at(task, OnDisconnect::Keep, 0)
}

/// With a grace of 5 s.
pub(super) fn assign_at(task: u32, on_disconnect: OnDisconnect, elapsed: u64) -> Input {
    Input::Assigned {
        assignment: Assignment {
            key: key(task),
            payload: Bytes::new(),
            traceparent: None,
            on_disconnect,
            grace_ms: 5_000,
        },
        now: NOW,
        elapsed: Elapsed(elapsed),
    }
}

pub(super) fn end(task: u32) -> Input {
    Input::Ended {
        key: key(task),
        end: End {
            started_at: NOW,
            ended_at: NOW,
            outcome: Outcome::Succeeded,
            exit_code: Some(0),
            message: None,
        },
    }
}

/// What a coordinator gives.
pub(super) const LEASE_MS: u64 = 5_000;

pub(super) fn welcome(epoch: u64, discard: Vec<AttemptKey>) -> Input {
    Input::Welcome(Welcome {
        epoch: Epoch(epoch),
        heartbeat_interval_ms: 1_000,
        node_timeout_ms: 10_000,
        lease_ms: 5_000,
        fence_grace_ms: 2_500,
        discard,
    })
}

pub(super) fn session(outbox_limit: usize) -> Session {
    recovered(outbox_limit, vec![])
}

pub(super) fn recovered(outbox_limit: usize, reports: Vec<Report>) -> Session {
    let identity = Identity {
        node: "n1".into(),
        incarnation: 1,
        agent_version: "test".into(),
        capacity: Resources::ZERO,
        labels: BTreeMap::new(),
    };
    Session::new(identity, Options { outbox_limit }, reports)
}

pub(super) fn step(session: &mut Session, input: Input) -> Vec<Output> {
    let mut outputs = Vec::new();
    session.step(input, &mut outputs);
    outputs
}

pub(super) fn join(session: &mut Session) -> Join {
    join_at(session, 0)
}

pub(super) fn join_at(session: &mut Session, now: u64) -> Join {
    let now = Elapsed(now);
    match step(session, Input::Connected { now }).pop() {
        Some(Output::Join(join)) => *join,
        other => panic!("expected a join, not {other:?}"),
    }
}

pub(super) fn joined(outbox_limit: usize) -> Session {
    let mut session = session(outbox_limit);
    join(&mut session);
    assert_eq!(step(&mut session, welcome(1, vec![])), []);
    session
}

/// `+2` for the start of task 2, `-2` for its end.
pub(super) fn brief(batch: &ReportBatch) -> Vec<String> {
    let brief = |report: &crate::Report| match report.what {
        ReportKind::Started { .. } => format!("+{}", report.key.task),
        ReportKind::Ended { .. } => format!("-{}", report.key.task),
    };
    batch.reports.iter().map(brief).collect()
}

fn start(session: &mut Session, task: u32) {
    assert!(matches!(
        step(session, assign(task))[..],
        [Output::Start(_)]
    ));
    step(
        session,
        Input::Started {
            key: key(task),
            at: NOW,
        },
    );
}

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

#[test]
fn an_older_epoch_is_refused() {
    let mut session = session(100);
    join(&mut session);
    step(&mut session, welcome(5, vec![]));
    step(&mut session, Input::Disconnected);
    join(&mut session);
    assert_eq!(
        step(&mut session, welcome(4, vec![])),
        [Output::Close(Reason::OlderEpoch {
            seen: Epoch(5),
            offered: Epoch(4)
        })]
    );
}

#[test]
fn heartbeats_are_numbered_and_silence_ends_the_connection() {
    let mut session = joined(100);
    let beat = Input::HeartbeatDue {
        now: Elapsed(0),
        cpu_permille: 1,
        memory_permille: 2,
    };
    for number in 1..=5 {
        assert_eq!(
            step(&mut session, beat.clone()),
            [Output::Heartbeat {
                number,
                cpu_permille: 1,
                memory_permille: 2
            }]
        );
    }
    assert_eq!(
        step(&mut session, beat.clone()),
        [Output::Close(Reason::HeartbeatsUnanswered)]
    );
    step(&mut session, Input::HeartbeatAcknowledged { number: 5 });
    assert!(matches!(
        step(&mut session, beat)[..],
        [Output::Heartbeat { number: 6, .. }]
    ));
}

#[test]
fn a_full_outbox_closes_the_session_and_passes_assignments_over_until_drained() {
    let mut session = joined(4);
    for task in 1..=4 {
        start(&mut session, task);
    }
    for task in 1..=3 {
        let outputs = step(&mut session, end(task));
        assert!(matches!(outputs[..], [Output::Journal(_)]));
    }
    assert_eq!(
        step(&mut session, end(4)).last(),
        Some(&Output::Close(Reason::OutboxFull))
    );
    step(&mut session, Input::Disconnected);
    join(&mut session);
    step(&mut session, welcome(1, vec![]));
    assert_eq!(step(&mut session, assign(5)), [], "no room for its reports");
    assert_eq!(step(&mut session, Input::Acknowledged { sequence: 1 }), []);
    assert_eq!(
        step(&mut session, Input::Acknowledged { sequence: 2 }),
        [Output::Close(Reason::Drained)]
    );
    step(&mut session, Input::Disconnected);
    assert!(!join(&mut session).running.contains(&key(5)));
    step(&mut session, welcome(1, vec![]));
    assert!(matches!(
        step(&mut session, assign(5))[..],
        [Output::Start(_)]
    ));
}

#[test]
fn an_agent_that_leaves_reports_everything_at_once_and_last() {
    let mut session = joined(100);
    start(&mut session, 1);
    start(&mut session, 2);
    session.take_reports();
    let longest_grace_ms = 10_000;
    let stops = step(&mut session, Input::Leave { longest_grace_ms });
    let grace_ms = 5_000;
    let expected = [1, 2].map(|task| Output::Stop {
        key: key(task),
        grace_ms,
    });
    assert_eq!(stops, expected, "each has its own grace");
    step(&mut session, end(1));
    assert_eq!(step(&mut session, assign(3)), []);
    assert_eq!(session.take_reports(), None, "task 2 still runs");
    assert!(!session.may_go());
    step(&mut session, end(2));
    assert!(!session.may_go());
    assert_eq!(brief(&session.take_reports().unwrap()), ["-1", "-3", "-2"]);
    assert!(session.may_go());
}

#[test]
fn messages_out_of_order_end_the_connection() {
    let mut session = session(100);
    join(&mut session);
    assert!(matches!(
        step(&mut session, assign(1))[..],
        [Output::Close(Reason::Unexpected(_))]
    ));
    step(&mut session, welcome(1, vec![]));
    for input in [
        welcome(1, vec![]),
        Input::Acknowledged { sequence: 1 },
        Input::HeartbeatAcknowledged { number: 1 },
    ] {
        assert!(matches!(
            step(&mut session, input)[..],
            [Output::Close(Reason::Unexpected(_))]
        ));
    }
}
