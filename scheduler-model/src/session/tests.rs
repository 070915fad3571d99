//! Scripts of one agent's session.

mod attempts;
mod connection;

use bytes::Bytes;

use super::{Elapsed, End, Identity, Input, Options, Output, Session, Welcome};
use crate::{
    Assignment, AttemptKey, Epoch, JobId, Join, NodeAttributes, OnDisconnect, Outcome, Report,
    ReportBatch, ReportKind, Resources, Timestamp,
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
            instance: None,
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
        attributes: NodeAttributes::default(),
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
