//! Shows jobs while they go: a live view on a terminal, a line per change elsewhere. All on the standard error.

mod board;
mod render;
mod view;

use std::{sync::LazyLock, time::Duration};

use drover_proto::v1::{Job, watch_job_response::Event};
use indicatif::MultiProgress;
use tokio::sync::mpsc;

use crate::{
    client::{Client, Heard, Lasting},
    error::CliError,
    output,
};
use board::Board;
pub(crate) use render::{glyph, summary};
use view::View;

/// Changes that wait to be shown.
const PENDING_CHANGES: usize = 1_024;

/// How often the live view moves on by itself.
const FRAME: Duration = Duration::from_millis(100);

/// The part of the terminal that live views draw in.
pub(crate) fn screen() -> &'static MultiProgress {
    static SCREEN: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);
    &SCREEN
}

/// Watches the jobs to their ends, shows how they go, and gives their final records in the order of `ids`.
pub(crate) async fn follow(client: &Client, ids: &[String]) -> Result<Vec<Job>, CliError> {
    let (sender, mut changes) = mpsc::channel(PENDING_CHANGES);
    let mut watches = tokio::task::JoinSet::new();
    for (index, id) in ids.iter().enumerate() {
        watches.spawn(watch(client.clone(), id.clone(), index, sender.clone()));
    }
    drop(sender);
    let mut boards: Vec<Option<Board>> = vec![None; ids.len()];
    let mut view = View::new();
    let mut frames = tokio::time::interval(FRAME);
    loop {
        tokio::select! {
            change = changes.recv() => match change {
                Some((index, event)) => take_in(&mut boards[index], event, &mut view),
                None => break,
            },
            _ = frames.tick(), if view.is_live() => view.draw(&boards, output::now_ms()),
        }
    }
    view.clear();
    while let Some(outcome) = watches.join_next().await {
        outcome.expect("a watch does not panic")?;
    }
    let mut jobs = Vec::with_capacity(ids.len());
    for id in ids {
        let job = client.job(id).await?;
        view.say(&summary(&job));
        jobs.push(job);
    }
    Ok(jobs)
}

/// Waits for the end of a job without showing anything.
pub(crate) async fn follow_quietly(client: &Client, id: &str) -> Result<Job, CliError> {
    let (sender, mut changes) = mpsc::channel(PENDING_CHANGES);
    let watch = watch(client.clone(), id.to_owned(), 0, sender);
    let drain = async { while changes.recv().await.is_some() {} };
    tokio::join!(watch, drain).0?;
    client.job(id).await
}

fn take_in(board: &mut Option<Board>, event: Event, view: &mut View) {
    match board {
        Some(board) => {
            for news in board.apply(event, output::now_ms()) {
                view.change(board, &news);
            }
        }
        None => {
            if let Event::Snapshot(job) = event {
                *board = Some(Board::new(&job));
            }
        }
    }
}

/// Sends what a watch hears until the job has ended, or nobody listens any more.
async fn watch(
    client: Client,
    id: String,
    index: usize,
    sender: mpsc::Sender<(usize, Event)>,
) -> Result<(), CliError> {
    let mut changes = Lasting::new(&client, || client.watch(&id));
    while let Some(heard) = changes.next().await? {
        if let Heard::Message(message) = heard
            && let Some(event) = message.event
            && sender.send((index, event)).await.is_err()
        {
            break;
        }
    }
    Ok(())
}
