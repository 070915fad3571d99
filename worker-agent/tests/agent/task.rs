//! What the tests assign.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use drover_model::{AttemptKey, JobId};
use drover_proto::{
    agent::key_to_wire,
    v1::{self, OnDisconnect, task_payload::Run},
};
use prost::Message as _;

pub(crate) fn key(task: u32) -> AttemptKey {
    AttemptKey {
        job: JobId::from_u128(0xab),
        task,
        attempt: 1,
    }
}

/// What is assigned: attempt 1 of a task.
pub(crate) struct Task {
    pub(crate) number: u32,
    pub(crate) run: Run,
    pub(crate) on_disconnect: OnDisconnect,
    pub(crate) grace_ms: u32,
    pub(crate) progress_timeout_ms: u64,
    pub(crate) undo: bool,
    /// Which of how many it is: the rest of the assignment.
    pub(crate) place: v1::Assign,
}

impl From<(u32, Run)> for Task {
    fn from((number, run): (u32, Run)) -> Self {
        Self {
            number,
            run,
            on_disconnect: OnDisconnect::Keep,
            grace_ms: 5_000,
            progress_timeout_ms: 0,
            undo: false,
            place: v1::Assign::default(),
        }
    }
}

impl Task {
    /// It must not outlive the lease.
    pub(crate) fn leased(number: u32, run: Run) -> Self {
        Self {
            on_disconnect: OnDisconnect::Stop,
            ..Self::from((number, run))
        }
    }

    pub(crate) fn assign(self) -> v1::Assign {
        let payload = v1::TaskPayload {
            job_name: "nightly".to_owned(),
            task_name: "extract".to_owned(),
            run: Some(self.run),
            progress_timeout_ms: self.progress_timeout_ms,
            undo: self.undo,
        };
        v1::Assign {
            key: Some(key_to_wire(key(self.number))),
            payload: payload.encode_to_vec().into(),
            traceparent: "00-trace-01".to_owned(),
            on_disconnect: self.on_disconnect.into(),
            grace_ms: self.grace_ms,
            ..self.place
        }
    }
}

pub(crate) fn argv<const N: usize>(words: [&str; N]) -> Run {
    Run::Command(command(words, false))
}

pub(crate) fn shell(script: &str) -> Run {
    Run::Command(command([script], true))
}

pub(crate) fn command<const N: usize>(words: [&str; N], shell: bool) -> v1::Command {
    v1::Command {
        argv: words
            .map(|word| Bytes::copy_from_slice(word.as_bytes()))
            .into(),
        shell,
        env: BTreeMap::new(),
        cwd: Bytes::new(),
    }
}

pub(crate) fn simulate(duration: Duration) -> Run {
    Run::Simulate(v1::Simulate {
        duration: Some(duration.into()),
        failure_chance: 0.0,
    })
}
