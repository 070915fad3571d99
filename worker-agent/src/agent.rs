//! The loop that joins session, link and executor. It owns all of them and never blocks.

mod wire;

use std::{
    pin::pin,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use drover_model::session::{Identity, Input, Options as SessionOptions, Output, Session};
use drover_proto::v1;
use futures_util::FutureExt as _;
use tokio::{
    sync::mpsc,
    time::{Interval, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use crate::{
    AgentError, Options,
    executor::{Begun, Executor},
    link::{self, Link, LinkEvent},
    logs::{self, Logs},
    usage::Meter,
};

/// News from processes that wait for the loop.
const EVENTS: usize = 4_096;

/// Things handled before what they caused is sent.
const BATCH: usize = 256;

/// From SIGTERM to SIGKILL when the agent leaves.
const LEAVE_GRACE_MS: u64 = 5_000;

/// How long a leaving agent waits for the coordinator to take its last reports and logs.
const FAREWELL: Duration = Duration::from_secs(2);

/// Runs an agent until `shutdown`: then it stops what runs, reports, and returns. Connects again by itself whatever
/// happens to the coordinator. Dropping the future kills what runs.
pub async fn run(options: Options, shutdown: CancellationToken) -> Result<(), AgentError> {
    let endpoint = link::endpoint(&options.coordinator)?;
    let logs = Logs::default();
    let leaving = CancellationToken::new();
    let delivery = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(logs::deliver(
        logs.clone(),
        endpoint.clone(),
        leaving.clone(),
    )));
    let link = Box::pin(Agent::new(options, endpoint, logs)?.serve(&shutdown)).await;
    leaving.cancel();
    let farewell = async { tokio::join!(link.finish(), delivery) };
    let _ = tokio::time::timeout(FAREWELL, farewell).await;
    Ok(())
}

struct Agent {
    session: Session,
    outputs: Vec<Output>,
    executor: Executor,
    events: mpsc::Receiver<Input>,
    link: Link,
    meter: Meter,
    heartbeat: Option<Interval>,
}

impl Agent {
    fn new(
        options: Options,
        endpoint: tonic::transport::Endpoint,
        logs: Logs,
    ) -> Result<Self, AgentError> {
        let (sender, events) = mpsc::channel(EVENTS);
        let started = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let identity = Identity {
            node: options.name.as_str().into(),
            incarnation: u64::try_from(started.as_millis()).unwrap_or(u64::MAX),
            agent_version: env!("CARGO_PKG_VERSION").into(),
            capacity: options.capacity,
            labels: options.labels.clone(),
        };
        Ok(Self {
            session: Session::new(identity, SessionOptions::default()),
            outputs: Vec::new(),
            executor: Executor::new(options, sender, logs)?,
            events,
            link: Link::new(endpoint),
            meter: Meter::new()?,
            heartbeat: None,
        })
    }

    async fn serve(mut self, shutdown: &CancellationToken) -> Link {
        let mut shutdown = pin!(shutdown.cancelled().fuse());
        loop {
            self.flush();
            if self.session.may_go() {
                return self.link;
            }
            let room = room(
                self.session
                    .has_reports()
                    .then(|| self.link.sender())
                    .flatten(),
            );
            tokio::select! {
                biased;
                () = &mut shutdown => self.step(Input::Leave { grace_ms: LEAVE_GRACE_MS }),
                event = self.link.next() => self.linked(event),
                Some(input) = self.events.recv() => self.news(input),
                () = self.executor.simulated_due() => self.simulated(),
                () = tick(self.heartbeat.as_mut()) => self.beat(),
                () = room => {}
            }
        }
    }

    /// Sends every report there is, unless the socket is behind: then they wait for the next message.
    fn flush(&mut self) {
        while self.session.has_reports() {
            let Some(permit) = self.link.try_reserve() else {
                return;
            };
            if let Some(batch) = self.session.take_reports() {
                permit.send(wire::reports(batch));
            }
        }
    }

    fn linked(&mut self, event: LinkEvent) {
        self.link_event(event);
        for _ in 1..BATCH {
            match self.link.next().now_or_never() {
                Some(event) => self.link_event(event),
                None => return,
            }
        }
    }

    fn link_event(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Connected => self.step(Input::Connected),
            LinkEvent::Lost => self.disconnected(),
            LinkEvent::Message(message) => self.message(message),
        }
    }

    fn message(&mut self, message: v1::CoordinatorMessage) {
        match wire::inputs(message) {
            Ok(inputs) => {
                for input in inputs {
                    if let Input::Welcome(welcome) = &input {
                        self.welcomed(welcome.epoch.0, welcome.heartbeat_interval_ms);
                    }
                    self.step(input);
                }
            }
            Err(error) => {
                self.link.close(&error);
                self.disconnected();
            }
        }
    }

    fn welcomed(&mut self, epoch: u64, heartbeat_interval_ms: u32) {
        tracing::info!(epoch, "joined");
        self.link.accepted();
        let period = Duration::from_millis(u64::from(heartbeat_interval_ms.max(10)));
        let mut interval = tokio::time::interval(period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.heartbeat = Some(interval);
    }

    fn disconnected(&mut self) {
        self.heartbeat = None;
        self.step(Input::Disconnected);
    }

    fn news(&mut self, first: Input) {
        self.process_event(first);
        for _ in 1..BATCH {
            match self.events.try_recv() {
                Ok(input) => self.process_event(input),
                Err(_) => return,
            }
        }
    }

    fn process_event(&mut self, input: Input) {
        if let Input::Ended { key, .. } = &input {
            self.executor.forget(*key);
        }
        self.step(input);
    }

    fn simulated(&mut self) {
        while let Some((key, end)) = self.executor.pop_simulated() {
            self.step(Input::Ended { key, end });
        }
    }

    fn beat(&mut self) {
        let measured = self.meter.measure();
        self.step(Input::HeartbeatDue {
            cpu_permille: measured.cpu_permille,
            memory_permille: measured.memory_permille,
        });
    }

    /// Steps the session and performs what follows, until nothing follows.
    fn step(&mut self, input: Input) {
        self.session.step(input, &mut self.outputs);
        while !self.outputs.is_empty() {
            let mut outputs = std::mem::take(&mut self.outputs);
            for output in outputs.drain(..) {
                self.perform(output);
            }
            if self.outputs.is_empty() {
                // Keeps the allocation.
                self.outputs = outputs;
                return;
            }
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Join(join) => self.link.open(wire::join(*join)),
            Output::Heartbeat {
                number,
                cpu_permille,
                memory_permille,
            } => {
                // Without room it is left out: it counts as unanswered.
                if let Some(permit) = self.link.try_reserve() {
                    permit.send(wire::heartbeat(number, cpu_permille, memory_permille));
                }
            }
            Output::Start(assignment) => {
                let key = assignment.key;
                let input = match self.executor.start(assignment) {
                    Begun::Ended(end) => Input::Ended { key, end },
                    Begun::Runs { at } => Input::Started { key, at },
                    Begun::Elsewhere => return,
                };
                self.session.step(input, &mut self.outputs);
            }
            Output::Stop { key, grace_ms } => self.stop(key, grace_ms),
            Output::Discard { key } => self.stop(key, 0),
            Output::Close(reason) => {
                self.link.close(&reason);
                self.heartbeat = None;
                self.session.step(Input::Disconnected, &mut self.outputs);
            }
        }
    }

    fn stop(&mut self, key: drover_model::AttemptKey, grace_ms: u64) {
        if let Some(end) = self.executor.stop(key, grace_ms) {
            self.session
                .step(Input::Ended { key, end }, &mut self.outputs);
        }
    }
}

/// Waits for the next heartbeat; for ever without a session.
async fn tick(heartbeat: Option<&mut Interval>) {
    match heartbeat {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}

/// Waits until the socket takes a message again; for ever when nothing has to be sent.
async fn room(sender: Option<mpsc::Sender<v1::AgentMessage>>) {
    match sender {
        // A closed channel is noticed by the link.
        Some(sender) if sender.reserve().await.is_ok() => {}
        _ => std::future::pending().await,
    }
}
