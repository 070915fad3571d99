//! One leadership: step what arrives, commit, perform, in turns.

use std::{
    borrow::Cow,
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use drover_model::{
    Answer, CallerId, Epoch, Event,
    cluster::{Cluster, Counters},
    record::Line,
    turn::{CommitOutcome, Turn},
};
use rustc_hash::FxHashMap;
use tokio::{sync::oneshot, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    Driver, LeaseTerm,
    careful::{Care, Stepped, Unit},
    commit::{Flight, landed},
    load::Loaded,
    sessions::Sessions,
};
use crate::{
    Options, clock::ModelClock, error::ApiError, inbox::Inbox, queues::QueueDefaults,
    record::Record, store::Store, tally::Tally, watch::WatchHub,
};

/// Rows and actions that the open turn may gather while a commit is in flight; beyond, the lanes fill up.
const MAX_OPEN: usize = 20_000;
pub(super) const HEARD_INTERVAL: Duration = Duration::from_secs(1);

/// Why a leadership is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Shutdown,
    /// Another leads, or nobody knows: memory is worth nothing now.
    Lost,
    /// What the last turn holds cannot be written.
    Poisoned,
}

pub(super) struct Leader {
    pub(super) options: Arc<Options>,
    pub(super) store: Arc<dyn Store>,
    pub(super) watches: Arc<WatchHub>,
    pub(super) lease: Arc<LeaseTerm>,
    pub(super) queues: Arc<QueueDefaults>,
    pub(super) tally: Arc<Tally>,
    pub(super) clock: ModelClock,
    pub(super) cluster: Cluster,
    pub(super) turn: Turn,
    pub(super) record: Option<Record>,
    pub(super) sessions: Sessions,
    pub(super) callers: FxHashMap<CallerId, oneshot::Sender<Result<Answer, ApiError>>>,
    pub(super) next_caller: u64,
    pub(super) commit: Option<JoinHandle<CommitOutcome>>,
    pub(super) flight: Flight,
    /// What the open turn was made of.
    pub(super) stepped: Stepped,
    pub(super) care: Care,
    /// Events that are still to be stepped alone.
    pub(super) units: VecDeque<Unit>,
    /// When sessions are next asked whether they were heard from.
    pub(super) heard_at: Instant,
}

impl Leader {
    pub(super) fn new(driver: &Driver, turn: Turn, loaded: Loaded) -> Self {
        Self {
            options: Arc::clone(&driver.options),
            store: Arc::clone(&driver.store),
            watches: Arc::clone(&driver.watches),
            lease: Arc::clone(&driver.lease),
            queues: Arc::clone(&driver.queues),
            tally: Arc::clone(&driver.tally),
            care: Care::new(loaded.cluster.config().careful, driver.suspicion.kept_out()),
            clock: loaded.clock,
            cluster: loaded.cluster,
            turn,
            record: loaded.record,
            sessions: Sessions::default(),
            callers: FxHashMap::default(),
            next_caller: 0,
            commit: None,
            flight: Flight::default(),
            stepped: Stepped::default(),
            units: VecDeque::new(),
            heard_at: Instant::now() + HEARD_INTERVAL,
        }
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.turn.epoch()
    }

    pub(super) fn counters(&self) -> Counters {
        self.cluster.counters()
    }

    /// Runs until the end of the leadership.
    pub(super) async fn lead(&mut self, inbox: &mut Inbox, shutdown: &CancellationToken) -> Ended {
        // The load may have taken longer than the lease: find out before anybody is answered.
        self.start_commit();
        loop {
            if self.commit.is_none() {
                self.advance(inbox);
                if self.turn.ready() || Instant::now() >= self.renew_at() {
                    self.start_commit();
                }
            }
            let wake = tokio::time::Instant::from_std(self.wake_at());
            let lease_end = tokio::time::Instant::from_std(self.lease_end());
            let is_committing = self.commit.is_some();
            let has_room = self.has_room();
            tokio::select! {
                biased;
                landed = landed(&mut self.commit) => {
                    if let Some(ended) = self.settle(landed).await {
                        return ended;
                    }
                }
                () = tokio::time::sleep_until(lease_end), if is_committing => return self.step_down(),
                () = shutdown.cancelled() => return self.finish().await,
                message = inbox.control.recv(), if has_room => match message {
                    Some(message) => {
                        self.take_control(message);
                        self.take_waiting(inbox);
                    }
                    None => return self.finish().await,
                },
                request = inbox.requests.recv(), if has_room => match request {
                    Some(request) => {
                        self.take_request(request);
                        self.take_waiting(inbox);
                    }
                    None => return self.finish().await,
                },
                () = tokio::time::sleep_until(wake) => self.take_time(inbox),
            }
        }
    }

    /// What can be done before the next commit.
    fn advance(&mut self, inbox: &mut Inbox) {
        if self.is_careful() {
            self.step_one(inbox);
        } else {
            self.take_waiting(inbox);
            self.dispatch();
        }
    }

    /// Steps one event into the open turn.
    pub(super) fn step(&mut self, event: Event) {
        let now = self.clock.now();
        if let Some(record) = &mut self.record {
            record.write(&Line::Event {
                now,
                event: Cow::Borrowed(&event),
            });
        }
        if self.turn.effects().is_empty() {
            // Nothing of what was stepped before can be at fault when this turn is refused.
            self.stepped = Stepped::default();
        }
        self.stepped.begin(&event);
        self.cluster.step(now, event, self.turn.effects());
        self.stepped.end();
    }

    /// While care is taken, one event at a time: the next waits for the commit of the one before.
    pub(super) fn has_room(&mut self) -> bool {
        if self.is_careful() {
            return self.commit.is_none()
                && self.turn.effects().is_empty()
                && self.units.is_empty();
        }
        let open = self.turn.effects();
        open.jobs.len() + open.attempts.len() + open.actions.len() < MAX_OPEN
    }

    /// A cluster that was loaded with care places one task at a time, also when the care is over.
    pub(super) fn dispatch(&mut self) {
        while self.cluster.wants_dispatch() && self.has_room() {
            let decision = self.cluster.decide(self.clock.now());
            let is_last = decision.placements.is_empty() || !self.cluster.config().careful;
            self.step(Event::Dispatch(decision));
            if is_last {
                return;
            }
        }
    }

    fn wake_at(&self) -> Instant {
        let mut wake = self.heard_at;
        if self.commit.is_none() {
            wake = wake.min(self.renew_at());
        }
        if let Some(due) = self.cluster.next_timer()
            && !(self.is_careful() && self.commit.is_some())
        {
            wake = wake.min(self.clock.instant(due));
        }
        wake
    }
}
