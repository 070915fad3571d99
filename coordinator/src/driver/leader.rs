//! One leadership: does what the machine says is next ([`drover_model::lead`]).

use std::{borrow::Cow, sync::Arc, time::Duration};

use drover_model::{
    Answer, CallerId, Event,
    lead::{Breaker, Ended, Lanes, Lead, Next, Terms},
    record::Line,
    turn::{CommitOutcome, Turn},
};
use rustc_hash::FxHashMap;
use tokio::{sync::oneshot, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{Driver, LeaseTerm, Session, commit::landing, load::Loaded, sessions::Sessions};
use crate::{
    Options, clock, error::ApiError, inbox::Inbox, queues::QueueDefaults, record::Record,
    store::Store, tally::Tally, watch::WatchHub,
};

pub(super) struct Leader {
    pub(super) options: Arc<Options>,
    pub(super) store: Arc<dyn Store>,
    pub(super) watches: Arc<WatchHub>,
    pub(super) lease: Arc<LeaseTerm>,
    pub(super) queues: Arc<QueueDefaults>,
    pub(super) tally: Arc<Tally>,
    pub(super) lead: Lead<Session>,
    pub(super) breaker: Breaker,
    pub(super) record: Option<Record>,
    pub(super) sessions: Sessions,
    pub(super) callers: FxHashMap<CallerId, oneshot::Sender<Result<Answer, ApiError>>>,
    pub(super) next_caller: u64,
    /// In flight.
    pub(super) commit: Option<JoinHandle<CommitOutcome>>,
}

impl Leader {
    pub(super) fn new(driver: &Driver, turn: Turn, loaded: Loaded) -> Self {
        let now = clock::now();
        let terms = Terms {
            lease: driver.options.lease,
            room: driver.room,
        };
        Self {
            options: Arc::clone(&driver.options),
            store: Arc::clone(&driver.store),
            watches: Arc::clone(&driver.watches),
            lease: Arc::clone(&driver.lease),
            queues: Arc::clone(&driver.queues),
            tally: Arc::clone(&driver.tally),
            lead: Lead::new(
                turn,
                loaded.cluster,
                loaded.clock,
                terms,
                driver.suspicion.caution(),
                now,
            ),
            breaker: Breaker::new(driver.options.decision_budget),
            record: loaded.record,
            sessions: Sessions::default(),
            callers: FxHashMap::default(),
            next_caller: 0,
            commit: None,
        }
    }

    /// Runs until the end of the leadership.
    pub(super) async fn run(&mut self, inbox: &mut Inbox, shutdown: &CancellationToken) -> Ended {
        loop {
            let lanes = Lanes {
                control: inbox.control.len(),
                requests: inbox.requests.len(),
            };
            let asked = clock::now();
            match self.lead.next(asked, lanes) {
                Next::TakeControl => {
                    if let Ok(message) = inbox.control.try_recv() {
                        self.take_control(message);
                    }
                }
                Next::TakeRequest => {
                    if let Ok(request) = inbox.requests.try_recv() {
                        self.take_request(request);
                    }
                }
                Next::StepControl(message) => self.step_control(message),
                Next::Step(event) => self.step_own(event, asked),
                Next::Hear { stall } => self.hear(stall),
                Next::Tick => self.tick(),
                Next::Commit => self.start_commit(),
                Next::Wait { until, takes } => {
                    let ended = self.wait(until, takes, inbox, shutdown).await;
                    if let Some(ended) = ended {
                        return ended;
                    }
                }
                Next::End(ended) => return ended,
            }
        }
    }

    async fn wait(
        &mut self,
        until: Duration,
        takes: bool,
        inbox: &mut Inbox,
        shutdown: &CancellationToken,
    ) -> Option<Ended> {
        tokio::select! {
            biased;
            landing = landing(&mut self.commit) => return self.settle(landing).await,
            () = shutdown.cancelled(), if !self.lead.is_closing() => self.lead.close(),
            message = inbox.control.recv(), if takes => match message {
                Some(message) => self.take_control(message),
                None => self.lead.close(),
            },
            request = inbox.requests.recv(), if takes => match request {
                Some(request) => self.take_request(request),
                None => self.lead.close(),
            },
            () = tokio::time::sleep_until(clock::instant(until).into()) => {}
        }
        None
    }

    /// Steps one event into the open turn.
    pub(super) fn step(&mut self, event: Event) {
        let now = clock::now();
        if let Some(record) = &mut self.record {
            record.write(&Line::Event {
                now: self.lead.clock().at(now),
                event: Cow::Borrowed(&event),
            });
        }
        self.lead.step(now, event);
    }
}
