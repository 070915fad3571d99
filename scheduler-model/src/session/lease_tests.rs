//! Attempts that must not outlive the agent's lease.

use super::{
    Elapsed, Input, Output, Session,
    tests::{LEASE_MS, assign_at, brief, end, join_at, joined, key, step, welcome},
};
use crate::{
    OnDisconnect::{Keep, Stop},
    Outcome, ReportKind, Timestamp,
};

/// Sends one at this time.
fn beat(session: &mut Session, now: u64) {
    let outputs = step(
        session,
        Input::HeartbeatDue {
            now: Elapsed(now),
            cpu_permille: 0,
            memory_permille: 0,
        },
    );
    assert!(matches!(outputs[..], [Output::Heartbeat { .. }]));
}

fn acknowledge(session: &mut Session, number: u64) {
    assert_eq!(step(session, Input::HeartbeatAcknowledged { number }), []);
}

fn lease_over(session: &mut Session, now: u64) -> Vec<Output> {
    step(session, Input::LeaseOver { now: Elapsed(now) })
}

/// Joined at 0, with a `stop` attempt as task 1 and a `keep` attempt as task 2.
fn with_both() -> Session {
    let mut session = joined(100);
    for (task, on_disconnect) in [(1, Stop), (2, Keep)] {
        let outputs = step(&mut session, assign_at(task, on_disconnect, 0));
        assert!(matches!(outputs[..], [Output::Start(_)]));
    }
    session
}

/// Task and outcome of what is reported next.
fn outcomes(session: &mut Session) -> Vec<(u32, Outcome)> {
    let batch = session.take_reports().expect("something to report");
    let ended = batch.reports.iter().filter_map(|report| match report.what {
        ReportKind::Ended { outcome, .. } => Some((report.key.task, outcome)),
        ReportKind::Started { .. } => None,
    });
    ended.collect()
}

#[test]
fn the_lease_counts_from_the_sending_of_what_was_acknowledged() {
    let mut session = with_both();
    assert_eq!(session.lease_end(), Some(Elapsed(LEASE_MS)), "the join");
    beat(&mut session, 1_000);
    beat(&mut session, 2_000);
    assert_eq!(session.lease_end(), Some(Elapsed(LEASE_MS)));
    acknowledge(&mut session, 1);
    assert_eq!(session.lease_end(), Some(Elapsed(1_000 + LEASE_MS)));
    acknowledge(&mut session, 2);
    acknowledge(&mut session, 1);
    assert_eq!(session.lease_end(), Some(Elapsed(2_000 + LEASE_MS)));
    step(&mut session, Input::Disconnected);
    assert_eq!(
        session.lease_end(),
        Some(Elapsed(2_000 + LEASE_MS)),
        "it goes on counting"
    );
    join_at(&mut session, 4_000);
    assert_eq!(session.lease_end(), Some(Elapsed(2_000 + LEASE_MS)));
    step(&mut session, welcome(1, vec![]));
    assert_eq!(session.lease_end(), Some(Elapsed(4_000 + LEASE_MS)));
}

#[test]
fn an_acknowledgement_of_another_connection_is_none_of_this_one() {
    let mut session = with_both();
    beat(&mut session, 1_000);
    step(&mut session, Input::Disconnected);
    join_at(&mut session, 2_000);
    let outputs = step(&mut session, Input::HeartbeatAcknowledged { number: 1 });
    assert!(matches!(outputs[..], [Output::Close(_)]));
    assert_eq!(session.lease_end(), Some(Elapsed(LEASE_MS)));
}

#[test]
fn only_stop_attempts_need_the_lease() {
    let mut session = joined(100);
    step(&mut session, assign_at(2, Keep, 0));
    assert_eq!(session.lease_end(), None);
    assert_eq!(lease_over(&mut session, 1_000_000), []);
}

#[test]
fn at_its_end_stop_attempts_are_killed_and_reported_as_fenced() {
    let mut session = with_both();
    assert_eq!(lease_over(&mut session, LEASE_MS - 1), [], "not yet");
    let stop = Output::Stop {
        key: key(1),
        grace_ms: 2_500,
    };
    assert_eq!(lease_over(&mut session, LEASE_MS), [stop]);
    assert_eq!(session.lease_end(), None);
    assert_eq!(lease_over(&mut session, LEASE_MS), [], "once");
    assert!(matches!(
        step(&mut session, end(1))[..],
        [Output::Journal(_)]
    ));
    step(&mut session, end(2));
    assert_eq!(
        outcomes(&mut session),
        [(1, Outcome::Fenced), (2, Outcome::Succeeded)]
    );
}

#[test]
fn what_ended_just_before_counts_as_it_ended() {
    let mut session = with_both();
    step(&mut session, end(1));
    assert_eq!(session.lease_end(), None);
    assert_eq!(lease_over(&mut session, 2 * LEASE_MS), []);
    assert_eq!(outcomes(&mut session), [(1, Outcome::Succeeded)]);
}

#[test]
fn a_rejoin_brings_no_fenced_attempt_back() {
    let mut session = with_both();
    step(&mut session, Input::Disconnected);
    lease_over(&mut session, LEASE_MS);
    let join = join_at(&mut session, LEASE_MS + 1);
    assert_eq!(join.running, [key(1), key(2)], "its process may live still");
    assert_eq!(step(&mut session, welcome(1, vec![])), []);
    assert_eq!(session.lease_end(), None);
    assert_eq!(
        step(&mut session, assign_at(1, Stop, LEASE_MS + 1)),
        [],
        "no second start"
    );
    step(&mut session, end(1));
    assert_eq!(outcomes(&mut session), [(1, Outcome::Fenced)]);
}

#[test]
fn a_fenced_attempt_can_be_discarded() {
    let mut session = with_both();
    step(&mut session, Input::Disconnected);
    lease_over(&mut session, LEASE_MS);
    join_at(&mut session, LEASE_MS + 1);
    assert_eq!(
        step(&mut session, welcome(2, vec![key(1)])),
        [Output::Discard { key: key(1) }]
    );
    assert_eq!(step(&mut session, end(1)), []);
    assert_eq!(session.take_reports(), None);
}

#[test]
fn a_stop_attempt_that_comes_after_the_lease_is_refused() {
    let mut session = joined(100);
    assert_eq!(step(&mut session, assign_at(1, Stop, LEASE_MS)), []);
    let outputs = step(&mut session, assign_at(2, Keep, LEASE_MS));
    assert!(matches!(outputs[..], [Output::Start(_)]));
    let batch = session.take_reports().expect("the refusal");
    assert_eq!(brief(&batch), ["-1"]);
    assert!(matches!(
        batch.reports[0].what,
        ReportKind::Ended {
            outcome: Outcome::Fenced,
            started_at: Timestamp(1_000),
            ..
        }
    ));
}

#[test]
fn a_late_acknowledgement_saves_what_was_not_yet_killed() {
    let mut session = with_both();
    beat(&mut session, 3_000);
    acknowledge(&mut session, 1);
    assert_eq!(lease_over(&mut session, LEASE_MS), []);
    assert_eq!(session.lease_end(), Some(Elapsed(3_000 + LEASE_MS)));
}

#[test]
fn a_leaving_agent_waits_for_fenced_attempts() {
    let mut session = with_both();
    lease_over(&mut session, LEASE_MS);
    let stop = Output::Stop {
        key: key(2),
        grace_ms: 3,
    };
    let longest_grace_ms = 3;
    let stops = step(&mut session, Input::Leave { longest_grace_ms });
    let expected = [Output::Leaving, stop];
    assert_eq!(stops, expected, "the other one is being killed");
    step(&mut session, end(2));
    assert!(!session.may_go());
    step(&mut session, end(1));
    session.take_reports();
    assert!(session.may_go());
}
