//! Real processes: one task supervises each.

mod exit;
mod files;
mod group;
mod instance;
mod launch;
mod output;
mod progress;
mod stress;

use std::{path::PathBuf, sync::Arc, time::Duration};

use drover_model::{
    AttemptKey, Outcome, Timestamp,
    session::{End, Input},
};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use crate::{
    cgroup::{Cgroup, Cgroups},
    clock,
    guard::Guard,
    logs::Logs,
};
use files::Files;
use group::Group;
pub(crate) use group::signal_group;
pub(crate) use launch::{Launch, Limits, Names};
use output::Output;

const NO_GUARD: &str = "the agent is leaving, since its guard has ended";

/// What processes of one agent share.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) guard: Arc<Guard>,
    /// Name of the node.
    pub(crate) node: String,
    pub(crate) work_dir: PathBuf,
    /// For files that processes are told of.
    pub(crate) attempts_dir: PathBuf,
    /// `None` where there are none.
    pub(crate) cgroups: Option<Cgroups>,
    pub(crate) logs: Logs,
}

impl Host {
    /// Without one the process runs all the same.
    fn cgroup(&self, key: AttemptKey) -> Option<Cgroup> {
        let made = self.cgroups.as_ref()?.attempt(key);
        if let Err(error) = &made {
            tracing::warn!(%error, "a process starts without a cgroup of its own");
        }
        made.ok()
    }
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

/// Starts the process and stays with it until everything of it is gone. Says so once, whatever happens.
pub(crate) async fn supervise(
    launch: Launch,
    host: Arc<Host>,
    stop: watch::Receiver<StopAsked>,
    events: mpsc::Sender<Input>,
) {
    let key = launch.names.key;
    let begun = Running::begin(&launch, &host).await;
    // Spawning returns when the program has replaced the child, so this is when it runs.
    let started_at = clock::now();
    let end = match begun {
        Err(hindrance) => {
            host.logs.end(key);
            hindrance.into_end(started_at)
        }
        Ok(mut running) => {
            // Without a listener the agent is gone, and this task with it.
            let _ = events
                .send(Input::Started {
                    key,
                    at: started_at,
                })
                .await;
            let grace = Duration::from_millis(u64::from(launch.limits.grace_ms));
            let exit = running.exit(stop, grace).await;
            host.guard.release(running.group.end().await);
            drop(running.files);
            let end = exit.into_end(started_at);
            let mut output = running.output;
            if launch.is_stress {
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

/// A process that was started.
struct Running {
    child: tokio::process::Child,
    group: Group,
    output: Output,
    files: Files,
}

impl Running {
    async fn begin(launch: &Launch, host: &Host) -> Result<Self, Hindrance> {
        let mut files = Files::make(launch, host).map_err(Hindrance::OfTask)?;
        let cgroup = host.cgroup(launch.names.key);
        match launch.spawn(host, cgroup.as_ref(), &files) {
            Ok((child, output)) => {
                if let Some(progress) = &mut files.progress {
                    progress.started();
                }
                let guard = launch.limits.is_leased.then(|| Arc::clone(&host.guard));
                Ok(Self {
                    group: Group::of(&child, cgroup, guard),
                    child,
                    output,
                    files,
                })
            }
            Err(hindrance) => {
                if let Some(cgroup) = cgroup {
                    cgroup.end().await;
                }
                Err(hindrance)
            }
        }
    }
}

/// Why nothing was started.
enum Hindrance {
    /// For people.
    OfTask(String),
    /// The agent is leaving then.
    NoGuard,
}

impl Hindrance {
    fn into_end(self, at: Timestamp) -> End {
        let (outcome, message) = match self {
            Self::OfTask(message) => (Outcome::Failed, message),
            Self::NoGuard => (Outcome::Refused, NO_GUARD.to_owned()),
        };
        End {
            started_at: at,
            ended_at: clock::now().max(at),
            outcome,
            exit_code: None,
            message: Some(message.into_boxed_str()),
        }
    }
}

#[cfg(test)]
mod tests;
