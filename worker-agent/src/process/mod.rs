//! Real processes: one task supervises each.

mod group;
mod launch;
mod output;
mod stress;

use std::{path::PathBuf, process::ExitStatus, sync::Arc, time::Duration};

use drover_model::{
    Outcome, Timestamp,
    session::{End, Input},
};
use nix::sys::signal::Signal;
use tokio::{
    process::Child,
    sync::{mpsc, watch},
    time::Instant,
};

use crate::{clock, guard::Guard, logs::Logs};
use group::Group;
pub(crate) use launch::{Launch, Names};
use output::Output;

/// What processes of one agent share.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) guard: Guard,
    /// Name of the node.
    pub(crate) node: String,
    pub(crate) work_dir: PathBuf,
    pub(crate) logs: Logs,
}

/// Whether, and how patiently, a process was asked to end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StopAsked {
    kill_at: Option<Instant>,
}

impl StopAsked {
    /// Asking again never gives more time.
    pub(crate) fn ask(&mut self, grace: Duration) {
        let kill_at = Instant::now() + grace;
        self.kill_at = Some(self.kill_at.map_or(kill_at, |before| before.min(kill_at)));
    }
}

/// Starts the process and stays with it until its whole group is gone. Says so once, whatever happens.
pub(crate) async fn supervise(
    launch: Launch,
    host: Arc<Host>,
    stop: watch::Receiver<StopAsked>,
    events: mpsc::Sender<Input>,
) {
    let key = launch.names.key;
    let is_stress = launch.is_stress;
    let spawned = launch.spawn(&host);
    // Spawning returns when the program has replaced the child, so this is when it runs.
    let started_at = clock::now();
    let end = match spawned {
        Err(message) => {
            host.logs.end(key);
            failure(started_at, message)
        }
        Ok((child, mut output)) => {
            // Without a listener the agent is gone, and this task with it.
            let _ = events
                .send(Input::Started {
                    key,
                    at: started_at,
                })
                .await;
            let exit = Exit::of(child, &host, stop, &mut output).await;
            let end = exit.into_end(started_at);
            if is_stress {
                output.drain().await;
                host.logs.end(key);
                stress::with_metrics(end, output.tail())
            } else {
                let _ = events.send(Input::Ended { key, end }).await;
                output.drain().await;
                host.logs.end(key);
                return;
            }
        }
    };
    let _ = events.send(Input::Ended { key, end }).await;
}

struct Exit {
    status: std::io::Result<ExitStatus>,
    ended_at: Timestamp,
    stop_asked: bool,
}

impl Exit {
    async fn of(
        mut child: Child,
        host: &Host,
        mut stop: watch::Receiver<StopAsked>,
        output: &mut Output,
    ) -> Self {
        let group = Group::of(&child);
        let mut asked = StopAsked::default();
        let status = loop {
            tokio::select! {
                biased;
                status = child.wait() => break status,
                Ok(()) = stop.changed() => {
                    let first = asked.kill_at.is_none();
                    asked = *stop.borrow_and_update();
                    if first {
                        group.signal(Signal::SIGTERM);
                    }
                }
                () = sleep_until(asked.kill_at) => {
                    group.signal(Signal::SIGKILL);
                    asked.kill_at = Some(Instant::now() + Duration::from_secs(1));
                }
                () = output.read_some() => {}
            }
        };
        let ended_at = clock::now();
        group.end().await;
        host.guard.release(group.id());
        Self {
            status,
            ended_at,
            stop_asked: asked.kill_at.is_some(),
        }
    }

    fn into_end(self, started_at: Timestamp) -> End {
        let (outcome, exit_code, message) = match self.status {
            Err(error) => (
                Outcome::Failed,
                None,
                Some(format!("its end cannot be observed: {error}")),
            ),
            Ok(status) => self::describe(status),
        };
        End {
            started_at,
            ended_at: self.ended_at.max(started_at),
            outcome: if self.stop_asked {
                Outcome::Stopped
            } else {
                outcome
            },
            exit_code,
            message: message.map(String::into_boxed_str),
        }
    }
}

fn describe(status: ExitStatus) -> (Outcome, Option<i32>, Option<String>) {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(0), _) => (Outcome::Succeeded, Some(0), None),
        (Some(code), _) => (
            Outcome::Failed,
            Some(code),
            Some(format!("exited with code {code}")),
        ),
        (None, signal) => (
            Outcome::Failed,
            None,
            Some(format!("killed by signal {}", signal.unwrap_or_default())),
        ),
    }
}

fn failure(at: Timestamp, message: String) -> End {
    End {
        started_at: at,
        ended_at: clock::now().max(at),
        outcome: Outcome::Failed,
        exit_code: None,
        message: Some(message.into_boxed_str()),
    }
}

/// For ever when there is no such time.
async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
