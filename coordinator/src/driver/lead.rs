//! One leadership: step what arrives, commit, perform, in turns.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use drover_model::{
    Answer, CallerId, Epoch, Event, Snapshot,
    cluster::{self, Cluster},
    turn::{CommitOutcome, Turn, Verdict},
};
use rustc_hash::FxHashMap;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{Driver, LeaseTerm, sessions::Sessions};
use crate::{
    Options,
    clock::ModelClock,
    error::ApiError,
    inbox::{Control, Inbox, Request, Wish},
    store::Store,
    watch::WatchHub,
};

/// Events stepped before the commit in flight is looked at again.
const BATCH: usize = 128;
/// Rows and actions that the open turn may gather while a commit is in flight; beyond, the lanes fill up.
const MAX_OPEN: usize = 20_000;
/// A second without a look at the clock: everybody gets a fresh allowance before anything times out.
const STALL: Duration = Duration::from_secs(1);
const HEARD_INTERVAL: Duration = Duration::from_secs(1);
const LEASE_READ_BACKOFF: Duration = Duration::from_millis(50);

/// Why a leadership is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Shutdown,
    /// Another leads, or nobody knows: memory is worth nothing now.
    Lost,
}

pub(super) struct Leader {
    pub(super) options: Arc<Options>,
    store: Arc<dyn Store>,
    pub(super) watches: Arc<WatchHub>,
    lease: Arc<LeaseTerm>,
    clock: ModelClock,
    cluster: Cluster,
    pub(super) turn: Turn,
    pub(super) sessions: Sessions,
    pub(super) callers: FxHashMap<CallerId, oneshot::Sender<Result<Answer, ApiError>>>,
    next_caller: u64,
    commit: Option<JoinHandle<CommitOutcome>>,
    /// When the last commit was sent: its lease counts from there.
    sent_at: Instant,
    /// When sessions are next asked whether they were heard from.
    heard_at: Instant,
}

impl Leader {
    pub(super) fn new(driver: &Driver, snapshot: Snapshot, clock: ModelClock) -> Self {
        let options = Arc::clone(&driver.options);
        let config = cluster::Config {
            policy: options.policy,
            mode: options.dispatch,
            node_timeout_ms: u64::try_from(options.node_timeout.as_millis()).unwrap_or(u64::MAX),
            ..cluster::Config::default()
        };
        let turn = Turn::new(snapshot.epoch, snapshot.turn);
        Self {
            cluster: Cluster::load(config, snapshot, clock.now()),
            options,
            store: Arc::clone(&driver.store),
            watches: Arc::clone(&driver.watches),
            lease: Arc::clone(&driver.lease),
            clock,
            turn,
            sessions: Sessions::default(),
            callers: FxHashMap::default(),
            next_caller: 0,
            commit: None,
            sent_at: Instant::now(),
            heard_at: Instant::now() + HEARD_INTERVAL,
        }
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.turn.epoch()
    }

    /// Runs until the end of the leadership.
    pub(super) async fn lead(&mut self, inbox: &mut Inbox, shutdown: &CancellationToken) -> Ended {
        // The load may have taken longer than the lease: find out before anybody is answered.
        self.start_commit();
        loop {
            if self.commit.is_none() {
                self.take_waiting(inbox);
                self.dispatch();
                if self.turn.ready() || Instant::now() >= self.renew_at() {
                    self.start_commit();
                }
            }
            let wake = tokio::time::Instant::from_std(self.wake_at());
            let has_room = self.has_room();
            tokio::select! {
                biased;
                outcome = landed(&mut self.commit) => {
                    if let Some(ended) = self.settle(outcome).await {
                        return ended;
                    }
                }
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

    /// Steps one event into the open turn.
    pub(super) fn step(&mut self, event: Event) {
        let now = self.clock.now();
        self.cluster.step(now, event, self.turn.effects());
    }

    fn has_room(&mut self) -> bool {
        let open = self.turn.effects();
        open.jobs.len() + open.attempts.len() + open.actions.len() < MAX_OPEN
    }

    /// Whatever has arrived by now, control first, up to a bound.
    fn take_waiting(&mut self, inbox: &mut Inbox) {
        for _ in 0..BATCH {
            if !self.has_room() {
                return;
            }
            if let Ok(message) = inbox.control.try_recv() {
                self.take_control(message);
            } else if let Ok(request) = inbox.requests.try_recv() {
                self.take_request(request);
            } else {
                return;
            }
        }
    }

    fn take_control(&mut self, message: Control) {
        match message {
            Control::Join {
                session,
                join,
                connection,
            } => {
                tracing::info!(node = %join.node, session = session.0, "an agent joins");
                self.sessions.insert(session, connection);
                self.step(Event::Join { session, join });
            }
            Control::Reports { session, batch } => self.step(Event::Reports { session, batch }),
            Control::Left { session } => {
                self.sessions.remove(session);
                self.step(Event::Left { session });
            }
        }
    }

    fn take_request(&mut self, request: Request) {
        if request.reply.is_closed() && !matches!(request.wish, Wish::Submit { .. }) {
            return;
        }
        let caller = CallerId(self.next_caller);
        self.next_caller += 1;
        // Before the step: should it panic, this caller is told.
        self.callers.insert(caller, request.reply);
        self.step(match request.wish {
            Wish::Submit { jobs, looked_up } => Event::Submit {
                caller,
                jobs,
                looked_up,
            },
            Wish::Cancel { job, reason } => Event::Cancel {
                caller,
                job,
                reason,
            },
            Wish::Ask(question) => Event::Ask { caller, question },
        });
    }

    /// Signs of life first, then everything agents have said, and only then what is due.
    fn take_time(&mut self, inbox: &mut Inbox) {
        let now = Instant::now();
        if now >= self.heard_at {
            if now.duration_since(self.heard_at) > STALL {
                tracing::warn!(stall = ?now.duration_since(self.heard_at), "the coordinator was stalled");
                self.sessions.excuse(self.clock.now());
            }
            self.heard_at = now + HEARD_INTERVAL;
            let heard = self.sessions.heard();
            if !heard.is_empty() {
                self.step(Event::Heard(heard));
            }
        }
        let waiting = inbox.control.len();
        for _ in 0..waiting {
            match inbox.control.try_recv() {
                Ok(message) => self.take_control(message),
                Err(mpsc::error::TryRecvError::Empty | mpsc::error::TryRecvError::Disconnected) => {
                    break;
                }
            }
        }
        if self
            .cluster
            .next_timer()
            .is_some_and(|due| due <= self.clock.now())
        {
            self.step(Event::Tick);
        }
    }

    fn dispatch(&mut self) {
        if self.cluster.wants_dispatch() {
            let decision = self.cluster.decide(self.clock.now());
            self.step(Event::Dispatch(decision));
        }
    }

    fn renew_at(&self) -> Instant {
        self.sent_at + self.options.lease / 3
    }

    fn wake_at(&self) -> Instant {
        let mut wake = self.heard_at;
        if self.commit.is_none() {
            wake = wake.min(self.renew_at());
        }
        if let Some(due) = self.cluster.next_timer() {
            wake = wake.min(self.clock.instant(due));
        }
        wake
    }

    fn start_commit(&mut self) {
        let sealed = self.turn.seal(self.clock.now());
        self.send_commit(sealed);
    }

    /// On a task of its own, so that the next turn is stepped while this one is encoded and written.
    fn send_commit(&mut self, sealed: Arc<drover_model::turn::SealedTurn>) {
        let (store, term) = (Arc::clone(&self.store), self.options.lease);
        self.sent_at = Instant::now();
        self.commit = Some(tokio::spawn(
            async move { store.commit(&sealed, term).await },
        ));
    }

    /// Follows the verdict on the commit that has just been answered.
    async fn settle(&mut self, outcome: CommitOutcome) -> Option<Ended> {
        self.commit = None;
        if outcome != CommitOutcome::Done {
            tracing::warn!(turn = self.turn.committed().next().0, ?outcome, "commit");
        }
        let mut verdict = self.turn.committed_as(outcome);
        loop {
            match verdict {
                Verdict::Perform {
                    turn,
                    actions,
                    transitions,
                } => {
                    self.lease.extend(self.sent_at, self.options.lease);
                    self.perform(turn, actions, &transitions);
                    return None;
                }
                Verdict::SendAgain => {
                    let sealed = Arc::clone(self.turn.in_flight().expect("a turn to send again"));
                    self.send_commit(sealed);
                    return None;
                }
                Verdict::ReadLease => {
                    match read_lease(Arc::clone(&self.store), self.sent_at + self.options.lease)
                        .await
                    {
                        Some(lease) => verdict = self.turn.resolve(lease.epoch, lease.turn),
                        None => return Some(Ended::Lost),
                    }
                }
                Verdict::Reload => return Some(Ended::Lost),
            }
        }
    }

    /// Commits what is open and answers its callers.
    async fn finish(&mut self) -> Ended {
        loop {
            if self.commit.is_none() {
                if !self.turn.ready() {
                    return Ended::Shutdown;
                }
                self.start_commit();
            }
            let outcome = landed(&mut self.commit).await;
            if let Some(ended) = self.settle(outcome).await {
                return ended;
            }
        }
    }
}

/// Asks until the lease has run out: then another may lead, and nothing is known.
async fn read_lease(store: Arc<dyn Store>, end: Instant) -> Option<crate::store::Lease> {
    loop {
        match store.lease().await {
            Ok(lease) => return Some(lease),
            Err(error) => tracing::warn!(%error, "the lease cannot be read"),
        }
        if Instant::now() >= end {
            return None;
        }
        tokio::time::sleep(LEASE_READ_BACKOFF).await;
    }
}

/// The outcome of the commit in flight; never, if there is none.
async fn landed(commit: &mut Option<JoinHandle<CommitOutcome>>) -> CommitOutcome {
    match commit {
        // A store that panicked may have committed before.
        Some(commit) => commit.await.unwrap_or(CommitOutcome::Unknown),
        None => std::future::pending().await,
    }
}
