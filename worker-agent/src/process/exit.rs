//! How a process ends: by itself, because it was asked to, or because it got stuck.

use std::{process::ExitStatus, time::Duration};

use drover_model::{Outcome, Timestamp, session::End};
use tokio::{sync::watch, time::Instant};

use super::{Group, Running, StopAsked, progress::Progress};
use crate::clock;

/// Between two SIGKILLs.
const KILL_AGAIN: Duration = Duration::from_secs(1);

/// As shells have it, a death by signal n is the exit code 128 + n.
const BY_SIGNAL: i32 = 128;

const FENCED: &str = "killed by the guard: the agent stood still when its lease ended";

pub(super) struct Exit {
    status: std::io::Result<ExitStatus>,
    ended_at: Timestamp,
    cause: Option<Cause>,
}

/// Why it was stopped.
#[derive(Clone, Debug)]
enum Cause {
    Asked,
    Stalled {
        complaint: String,
    },
    /// By the guard, since the agent did nothing when its lease ended.
    Fenced,
}

#[derive(Debug)]
struct Stopping {
    /// The first one counts.
    cause: Cause,
    kill_at: Instant,
}

impl Running {
    /// Waits for the end of the first process, and asks for it when it is time.
    pub(super) async fn exit(
        &mut self,
        mut stop: watch::Receiver<StopAsked>,
        grace: Duration,
    ) -> Exit {
        let mut stopping: Option<Stopping> = None;
        let status = loop {
            let kill_at = stopping.as_ref().map(|stopping| stopping.kill_at);
            tokio::select! {
                biased;
                status = self.child.wait() => break status,
                Ok(()) = stop.changed() => {
                    if let Some(kill_at) = stop.borrow_and_update().kill_at {
                        begin(&mut stopping, Cause::Asked, kill_at, &self.group);
                    }
                }
                () = clock::sleep_until(kill_at) => {
                    self.group.kill();
                    if let Some(stopping) = &mut stopping {
                        stopping.kill_at = Instant::now() + KILL_AGAIN;
                    }
                }
                complaint = stalled(self.files.progress.as_mut()), if stopping.is_none() => {
                    let cause = Cause::Stalled { complaint };
                    begin(&mut stopping, cause, Instant::now() + grace, &self.group);
                }
                () = self.output.read_some() => {}
            }
        };
        let cause = stopping.map(|stopping| stopping.cause);
        Exit {
            status,
            ended_at: clock::now(),
            cause: if self.group.was_fenced() {
                Some(Cause::Fenced)
            } else {
                cause
            },
        }
    }
}

/// Asking again never gives more time.
fn begin(stopping: &mut Option<Stopping>, cause: Cause, kill_at: Instant, group: &Group) {
    match stopping {
        Some(stopping) => stopping.kill_at = stopping.kill_at.min(kill_at),
        None => {
            group.terminate();
            *stopping = Some(Stopping { cause, kill_at });
        }
    }
}

impl Exit {
    pub(super) fn into_end(self, started_at: Timestamp) -> End {
        let (outcome, exit_code, message) = match self.status {
            Err(error) => (
                Outcome::Failed,
                None,
                Some(format!("its end cannot be observed: {error}")),
            ),
            Ok(status) => describe(status),
        };
        let (outcome, message) = match self.cause {
            None => (outcome, message),
            Some(Cause::Asked) => (Outcome::Stopped, message),
            Some(Cause::Stalled { complaint }) => (Outcome::Stalled, Some(complaint)),
            Some(Cause::Fenced) => (Outcome::Fenced, Some(FENCED.to_owned())),
        };
        End {
            started_at,
            ended_at: self.ended_at.max(started_at),
            outcome,
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
        (None, signal) => {
            let signal = signal.unwrap_or_default();
            (
                Outcome::Failed,
                Some(BY_SIGNAL + signal),
                Some(format!("killed by signal {signal}")),
            )
        }
    }
}

/// What to complain of. For ever when there is nothing to watch.
async fn stalled(progress: Option<&mut Progress>) -> String {
    match progress {
        Some(progress) => {
            progress.stalled().await;
            progress.complaint()
        }
        None => std::future::pending().await,
    }
}
