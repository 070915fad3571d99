//! A job's changes as they become durable.

use drover_model::{JobId, Transition, TurnNumber};
use drover_proto::{job, v1};
use tokio::sync::{mpsc, watch};
use tonic::Status;

use super::{Answers, job_not_found, jobs::unreadable};
use crate::{
    clock,
    error::{ApiError, Code},
    server::Parts,
    standing::Standing,
    watch::{Broken, Change, Watch},
};

const CAPACITY: usize = 64;

type Outgoing = mpsc::Sender<Result<v1::WatchJobResponse, Status>>;

/// Registers before it reads, so that no change falls between the snapshot and the first one told.
pub(super) async fn watch(
    parts: &Parts,
    id: JobId,
) -> Result<Answers<v1::WatchJobResponse>, ApiError> {
    let watch = parts.watch(id)?;
    let (turn, stored) = parts.store.job(id).await?;
    let stored = stored.ok_or_else(|| job_not_found(id))?;
    let record = job::JobRecord {
        row: &stored.row,
        fixed: &stored.fixed,
        attempts: &stored.attempts,
        view: None,
    };
    let snapshot = job::job(record, clock::wall()).map_err(|error| unreadable(&error))?;
    let (outgoing, answers) = mpsc::channel(CAPACITY);
    let first = v1::WatchJobResponse {
        turn: turn.0,
        event: Some(v1::watch_job_response::Event::Snapshot(snapshot)),
    };
    outgoing
        .try_send(Ok(first))
        .map_err(|_| ApiError::internal())?;
    if !stored.row.state.is_final() {
        tokio::spawn(tell(watch, turn, parts.standing(), outgoing));
    }
    Ok(answers.into())
}

/// Ends with the job, with the watcher, or with the reason why it cannot go on.
async fn tell(
    mut watch: Watch,
    snapshot: TurnNumber,
    standing: watch::Receiver<Standing>,
    outgoing: Outgoing,
) {
    loop {
        let change = tokio::select! {
            change = watch.next() => change,
            () = outgoing.closed() => return,
        };
        let message = match change {
            Ok(change) if change.turn <= snapshot => continue,
            Ok(change) => Ok(change),
            Err(Broken::Lagged) => Err(ApiError::new(
                Code::WatcherTooSlow,
                "the watch fell too far behind; watch again",
            )),
            Err(Broken::Closed) => Err(standing.borrow().refusal()),
        };
        let last = message.as_ref().map_or(true, ends_job);
        let sent = outgoing.send(message.map(wire).map_err(Status::from)).await;
        if last || sent.is_err() {
            return;
        }
    }
}

fn ends_job(change: &Change) -> bool {
    matches!(&change.transition, Transition::Job { to, .. } if to.is_final())
}

fn wire(change: Change) -> v1::WatchJobResponse {
    use v1::watch_job_response::Event;
    let event = match change.transition {
        Transition::Task {
            task,
            to,
            attempt,
            node,
            ..
        } => Event::Task(v1::TaskChange {
            task,
            state: job::task_state(to).into(),
            attempt,
            node: node.as_deref().unwrap_or_default().to_owned(),
        }),
        Transition::Job { to, message, .. } => Event::Job(v1::JobChange {
            state: job::job_state(to).into(),
            message: message.as_deref().unwrap_or_default().to_owned(),
        }),
    };
    v1::WatchJobResponse {
        turn: change.turn.0,
        event: Some(event),
    }
}
