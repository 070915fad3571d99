//! The loop that joins session, link and executor. It owns all of them and never blocks.

mod lease_timer;
mod leave;
mod perform;
mod wire;

use std::{pin::pin, time::Duration};

use drover_model::{
    Outcome,
    session::{Identity, Input, Options as SessionOptions, Output, Session},
};
use drover_proto::v1;
use futures_util::FutureExt as _;
use tokio::{
    sync::mpsc,
    time::{Instant, Interval, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use crate::{
    AgentError, Options,
    addresses::Addresses,
    clock,
    executor::Executor,
    guard::Lease,
    journal::Journal,
    link::{Link, LinkEvent},
    logs::{self, Logs},
    state::StateDir,
    usage::Meter,
};
use lease_timer::LeaseTimer;

/// News from processes that wait for the loop.
const EVENTS: usize = 4_096;

/// Things handled before what they caused is sent.
const BATCH: usize = 256;

/// Runs an agent until `shutdown`: then it stops what runs, reports, and returns. Connects again by itself whatever
/// happens to the coordinator. Dropping the future kills what runs.
///
/// # Errors
/// When it cannot start, or has to go: its guard has ended, or a newer agent has its name.
pub async fn run(options: Options, shutdown: CancellationToken) -> Result<(), AgentError> {
    let link = Link::new(Addresses::new(&options.coordinators)?);
    let state = StateDir::open(&options.state_dir).await?;
    let logs = Logs::default();
    let leaving = CancellationToken::new();
    let delivery = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(logs::deliver(
        logs.clone(),
        link.leader(),
        leaving.clone(),
    )));
    let agent = Agent::new(options, state, link, logs)?;
    let (link, trouble) = Box::pin(agent.serve(&shutdown)).await;
    leaving.cancel();
    let farewell = async { tokio::join!(link.finish(), delivery) };
    let _ = tokio::time::timeout(leave::FAREWELL, farewell).await;
    trouble.map_or(Ok(()), Err)
}

struct Agent {
    session: Session,
    outputs: Vec<Output>,
    executor: Executor,
    events: mpsc::Receiver<Input>,
    link: Link,
    meter: Meter,
    heartbeat: Option<Interval>,
    lease_timer: LeaseTimer,
    /// What the guard knows of it.
    told: Option<Lease>,
    leave_timeout: Duration,
    /// The coordinator has to hear that the agent leaves, before any further report.
    says_leaving: bool,
    /// Until when it is waited for the last acknowledgements.
    farewell: Option<Instant>,
    /// Why it leaves, if nobody has asked it to.
    trouble: Option<AgentError>,
    journal: Journal,
    /// Locked until the end.
    _state: StateDir,
}

impl Agent {
    fn new(options: Options, state: StateDir, link: Link, logs: Logs) -> Result<Self, AgentError> {
        let (sender, events) = mpsc::channel(EVENTS);
        let identity = Identity {
            node: options.name.as_str().into(),
            incarnation: state.incarnation,
            agent_version: env!("CARGO_PKG_VERSION").into(),
            capacity: options.capacity.clone(),
            attributes: options.attributes.clone(),
        };
        let opened = Journal::open(state.journal());
        let (journal, recovered) = opened.map_err(|source| AgentError::StateDir {
            path: options.state_dir.clone(),
            what: "open the journal in it",
            source,
        })?;
        if !recovered.is_empty() {
            let reports = recovered.len();
            tracing::info!(reports, "the agent before had something left to report");
        }
        Ok(Self {
            session: Session::new(identity, SessionOptions::default(), recovered),
            outputs: Vec::new(),
            told: None,
            leave_timeout: options.leave_timeout,
            says_leaving: false,
            farewell: None,
            trouble: None,
            executor: Executor::new(options, &state, sender, logs)?,
            events,
            link,
            meter: Meter::new()?,
            heartbeat: None,
            lease_timer: LeaseTimer::new().map_err(AgentError::Timer)?,
            journal,
            _state: state,
        })
    }

    /// Until it may go. Why, unless it was asked to.
    async fn serve(mut self, shutdown: &CancellationToken) -> (Link, Option<AgentError>) {
        let mut shutdown = pin!(shutdown.cancelled().fuse());
        loop {
            self.journal.write(self.session.unacknowledged());
            self.flush();
            if self.is_done() {
                return (self.link, self.trouble);
            }
            let has_news = self.says_leaving || self.session.has_reports();
            let room = room(has_news.then(|| self.link.sender()).flatten());
            tokio::select! {
                biased;
                () = &mut shutdown => self.leave(),
                () = self.lease_timer.due(self.session.lease_end()) => self.lease_over(),
                event = self.link.next() => self.linked(event),
                Some(input) = self.events.recv() => self.news(input),
                () = self.executor.simulated_due() => self.simulated(),
                () = tick(self.heartbeat.as_mut()) => self.beat(),
                () = self.executor.guard_ended(), if self.trouble.is_none() => self.unguarded(),
                () = self.journal.due() => {}
                () = clock::sleep_until(self.farewell) => {}
                () = room => {}
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
            LinkEvent::Connected => self.step(Input::Connected {
                now: clock::elapsed(),
            }),
            LinkEvent::Lost => self.disconnected(),
            LinkEvent::Superseded => self.superseded(),
            LinkEvent::Message(message) => self.message(message),
        }
    }

    fn message(&mut self, message: v1::CoordinatorMessage) {
        match wire::inputs(message) {
            Ok(inputs) => {
                for input in inputs {
                    if let Input::Welcome(welcome) = &input {
                        self.welcomed(welcome.heartbeat_interval_ms);
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

    fn welcomed(&mut self, heartbeat_interval_ms: u32) {
        self.link.accepted();
        let period = Duration::from_millis(u64::from(heartbeat_interval_ms.max(10)));
        let mut interval = tokio::time::interval(period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.heartbeat = Some(interval);
    }

    fn disconnected(&mut self) {
        self.apart();
        self.step(Input::Disconnected);
    }

    /// What was to be said on the connection that has ended.
    fn apart(&mut self) {
        self.heartbeat = None;
        self.says_leaving = false;
    }

    /// What has ended by now counts as it ended, unless the guard has ended it.
    fn lease_over(&mut self) {
        self.waiting_news(EVENTS);
        let now = clock::elapsed();
        tracing::warn!("the lease is over: stopping what must not run on without the coordinator");
        self.step(Input::LeaseOver { now });
    }

    fn news(&mut self, first: Input) {
        self.process_event(first);
        self.waiting_news(BATCH);
    }

    fn waiting_news(&mut self, limit: usize) {
        for _ in 0..limit {
            match self.events.try_recv() {
                Ok(input) => self.process_event(input),
                Err(_) => return,
            }
        }
    }

    fn process_event(&mut self, input: Input) {
        if let Input::Ended { key, end } = &input {
            self.executor.forget(*key);
            // Only for want of a guard. The next one shall not come before the coordinator knows.
            if end.outcome == Outcome::Refused && self.trouble.is_none() {
                self.unguarded();
            }
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
            now: clock::elapsed(),
            cpu_permille: measured.cpu_permille,
            memory_permille: measured.memory_permille,
        });
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
