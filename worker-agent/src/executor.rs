//! Starts and stops attempts.

use std::{sync::Arc, time::Duration};

use drover_model::{
    Assignment, AttemptKey, OnDisconnect, Outcome, Timestamp,
    session::{End, Input},
};
use drover_proto::v1::{TaskPayload, task_payload::Run};
use prost::Message as _;
use rustc_hash::FxHashMap;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use crate::{
    AgentError, GuardCommand, Options,
    cgroup::{self, Cgroups},
    clock,
    guard::{Guard, Lease},
    logs::Logs,
    process::{self, Host, Launch, Limits, Names, StopAsked},
    simulate::Simulated,
    state::StateDir,
};

/// What became of a start.
pub(crate) enum Begun {
    /// It is over already.
    Ended(End),
    Runs {
        at: Timestamp,
    },
    /// A process: its news arrive as inputs.
    Elsewhere,
}

pub(crate) struct Executor {
    host: Arc<Host>,
    simulate: bool,
    simulated: Simulated,
    processes: FxHashMap<AttemptKey, watch::Sender<StopAsked>>,
    /// Dropping it ends them all.
    supervisors: JoinSet<()>,
    events: mpsc::Sender<Input>,
}

impl Executor {
    pub(crate) fn new(
        options: Options,
        state: &StateDir,
        events: mpsc::Sender<Input>,
        logs: Logs,
    ) -> Result<Self, AgentError> {
        let cgroups = cgroups(&options.name, state, &options.guard);
        let base = cgroups.as_ref().map(Cgroups::base);
        Ok(Self {
            simulate: options.simulate,
            host: Arc::new(Host {
                guard: Arc::new(Guard::start(&options.guard, state.lock(), base)?),
                cgroups,
                attempts_dir: state.attempts(),
                node: options.name,
                work_dir: options.work_dir,
                logs,
            }),
            simulated: Simulated::default(),
            processes: FxHashMap::default(),
            supervisors: JoinSet::new(),
            events,
        })
    }

    /// The name of this node.
    pub(crate) fn node(&self) -> &str {
        &self.host.node
    }

    pub(crate) fn start(&mut self, assignment: Assignment) -> Begun {
        let now = clock::now();
        let Ok(payload) = TaskPayload::decode(assignment.payload) else {
            return Begun::Ended(refusal(now, "this agent does not understand the task"));
        };
        let key = assignment.key;
        let names = Names {
            key,
            job: payload.job_name,
            task: payload.task_name,
            traceparent: assignment.traceparent,
            undo: payload.undo,
            instance: assignment.instance,
        };
        let limits = Limits {
            progress_timeout: (payload.progress_timeout_ms > 0)
                .then(|| Duration::from_millis(payload.progress_timeout_ms)),
            grace_ms: assignment.grace_ms,
            is_leased: assignment.on_disconnect == OnDisconnect::Stop,
        };
        match payload.run {
            Some(Run::Simulate(load)) => {
                self.start_simulated(key, duration(load.duration), load.failure_chance, now)
            }
            Some(Run::Stress(load)) if self.simulate => {
                self.start_simulated(key, duration(load.duration), 0.0, now)
            }
            Some(Run::Stress(load)) => {
                let seconds = duration(load.duration);
                let launch = Launch::stress(names, limits, load.cpu, load.memory_bytes, seconds);
                self.start_process(launch)
            }
            Some(Run::Command(command)) => match Launch::command(names, limits, &command) {
                Some(launch) => self.start_process(launch),
                None => Begun::Ended(refusal(now, "the command is empty")),
            },
            None => Begun::Ended(refusal(
                now,
                "this agent is older than the task: it does not know what to run",
            )),
        }
    }

    /// Until when what is leased may run, whatever becomes of the agent. To be told before [`Executor::start`].
    pub(crate) fn renew(&self, lease: Lease) {
        self.host.guard.renew(lease);
    }

    /// Waits until the guard has ended.
    pub(crate) async fn guard_ended(&self) {
        self.host.guard.ended().await;
    }

    pub(crate) fn how_guard_ended(&self) -> String {
        self.host.guard.how_it_ended()
    }

    /// How it ended, if that takes no time. The end of a process arrives as an input.
    pub(crate) fn stop(&mut self, key: AttemptKey, grace_ms: u64) -> Option<End> {
        if let Some(stop) = self.processes.get(&key) {
            stop.send_modify(|asked| asked.ask(Duration::from_millis(grace_ms)));
            return None;
        }
        self.simulated.stop(key)
    }

    /// The process has ended.
    pub(crate) fn forget(&mut self, key: AttemptKey) {
        self.processes.remove(&key);
        while self.supervisors.try_join_next().is_some() {}
    }

    pub(crate) async fn simulated_due(&self) {
        self.simulated.due().await;
    }

    pub(crate) fn pop_simulated(&mut self) -> Option<(AttemptKey, End)> {
        self.simulated.pop()
    }

    fn start_simulated(
        &mut self,
        key: AttemptKey,
        duration: Duration,
        failure_chance: f64,
        now: Timestamp,
    ) -> Begun {
        match self.simulated.start(key, duration, failure_chance, now) {
            Some(end) => Begun::Ended(end),
            None => Begun::Runs { at: now },
        }
    }

    fn start_process(&mut self, launch: Launch) -> Begun {
        let (stop, asked) = watch::channel(StopAsked::default());
        self.processes.insert(launch.names.key, stop);
        self.supervisors.spawn(process::supervise(
            launch,
            Arc::clone(&self.host),
            asked,
            self.events.clone(),
        ));
        Begun::Elsewhere
    }
}

/// Ends what the agent before left if its guard was killed as well. Says in the log how processes are found.
fn cgroups(node: &str, state: &StateDir, program: &GuardCommand) -> Option<Cgroups> {
    if let Some(last) = state.last_cgroup() {
        cgroup::destroy(&last);
    }
    match Cgroups::make(node, state.incarnation, program) {
        Ok(cgroups) => {
            let base = cgroups.base().display();
            tracing::info!(%base, "every process has a cgroup: whatever it starts ends with it");
            if let Err(error) = state.keep_cgroup(cgroups.base()) {
                tracing::warn!(%error, "cannot keep the name of the cgroup");
            }
            Some(cgroups)
        }
        Err(reason) => {
            tracing::warn!(
                reason,
                "no cgroups: what leaves its process group outlives its attempt"
            );
            None
        }
    }
}

fn refusal(now: Timestamp, message: &str) -> End {
    End {
        started_at: now,
        ended_at: now,
        outcome: Outcome::Failed,
        exit_code: None,
        message: Some(message.into()),
    }
}

/// Negative or absent ones take no time.
fn duration(wire: Option<impl TryInto<Duration>>) -> Duration {
    wire.and_then(|duration| duration.try_into().ok())
        .unwrap_or_default()
}
