//! What a process is reported as when the guard had to end it.

use std::{path::Path, sync::Arc};

use drover_model::{
    AttemptKey, JobId, Outcome,
    session::{End, Input},
};
use drover_proto::v1;
use tokio::sync::{mpsc, watch};

use super::{Host, Launch, Limits, Names, StopAsked, supervise};
use crate::{GuardCommand, guard::Guard, logs::Logs};

/// Says of the first group that it is fenced, and then makes the file.
const GUARD: &str = "exec 3<&0; dd bs=5000 count=1 2>/dev/null <&3 | head -c 5 | tail -c 4 >&3; echo > \"$1\"; \
                     exec cat <&3 >/dev/null";

/// Ends in order when the file is there.
const PROCESS: &str = "while [ ! -e answered ]; do sleep 0.01; done";

fn host(directory: &Path) -> Host {
    let command = GuardCommand {
        program: "/bin/sh".into(),
        args: vec![
            "-c".into(),
            GUARD.into(),
            "sh".into(),
            directory.join("answered").into(),
        ],
    };
    let guard = Guard::start(&command, tempfile::tempfile(), None).expect("started");
    host_with(guard, directory)
}

fn host_with(guard: Guard, directory: &Path) -> Host {
    Host {
        guard: Arc::new(guard),
        node: "n1".to_owned(),
        work_dir: directory.to_owned(),
        attempts_dir: directory.to_owned(),
        cgroups: None,
        logs: Logs::default(),
    }
}

fn launch(is_leased: bool) -> Launch {
    let names = Names {
        key: AttemptKey {
            job: JobId::from_u128(1),
            task: 0,
            attempt: 1,
        },
        job: "nightly".to_owned(),
        task: "extract".to_owned(),
        traceparent: None,
        undo: false,
        instance: None,
    };
    let limits = Limits {
        progress_timeout: None,
        grace_ms: 5_000,
        is_leased,
    };
    let command = v1::Command {
        argv: vec![PROCESS.into()],
        shell: true,
        ..v1::Command::default()
    };
    Launch::command(names, limits, &command).expect("it is not empty")
}

async fn end(is_leased: bool) -> End {
    let directory = tempfile::tempdir().expect("a directory");
    let (events, mut told) = mpsc::channel(10);
    let (_stop, asked) = watch::channel(StopAsked::default());
    let host = Arc::new(host(directory.path()));
    supervise(launch(is_leased), host, asked, events).await;
    assert!(matches!(told.recv().await, Some(Input::Started { .. })));
    match told.recv().await {
        Some(Input::Ended { end, .. }) => end,
        other => panic!("expected the end, not {other:?}"),
    }
}

#[tokio::test]
async fn what_the_guard_has_fenced_is_reported_as_fenced_however_it_ended() {
    let end = end(true).await;
    assert_eq!((end.outcome, end.exit_code), (Outcome::Fenced, Some(0)));
}

#[tokio::test]
async fn what_is_not_leased_is_none_of_the_guards_concern() {
    assert_eq!(end(false).await.outcome, Outcome::Succeeded);
}

#[tokio::test]
async fn what_finds_no_guard_was_refused_not_a_failure() {
    let directory = tempfile::tempdir().expect("a directory");
    let command = GuardCommand {
        program: "true".into(),
        args: vec![],
    };
    let guard = Guard::start(&command, tempfile::tempfile(), None).expect("started");
    guard.ended().await;
    let (events, mut told) = mpsc::channel(10);
    let (_stop, asked) = watch::channel(StopAsked::default());
    let host = Arc::new(host_with(guard, directory.path()));
    supervise(launch(false), host, asked, events).await;
    match told.recv().await {
        Some(Input::Ended { end, .. }) => assert_eq!(end.outcome, Outcome::Refused, "{end:?}"),
        other => panic!("nothing has started, but {other:?}"),
    }
}
