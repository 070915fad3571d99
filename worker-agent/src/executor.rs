//! Starts and stops attempts.

use std::{sync::Arc, time::Duration};

use drover_model::{
    Assignment, AttemptKey, Outcome, Timestamp,
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
    AgentError, Options, clock,
    guard::Guard,
    logs::Logs,
    process::{self, Host, Launch, Names, StopAsked},
    simulate::Simulated,
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
        events: mpsc::Sender<Input>,
        logs: Logs,
    ) -> Result<Self, AgentError> {
        Ok(Self {
            simulate: options.simulate,
            host: Arc::new(Host {
                guard: Guard::start(&options.guard)?,
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
                self.start_process(Launch::stress(names, load.cpu, load.memory_bytes, seconds))
            }
            Some(Run::Command(command)) => match Launch::command(names, &command) {
                Some(launch) => self.start_process(launch),
                None => Begun::Ended(refusal(now, "the command is empty")),
            },
            None => Begun::Ended(refusal(
                now,
                "this agent is older than the task: it does not know what to run",
            )),
        }
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
