//! Two bounded lanes into the driver. Control drains first and pushes back; requests are shed when their lane is full.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

pub(crate) use drover_model::lead::Wish;
use drover_model::{Answer, Heard, NodeView, Question, SessionId, lead::ModelClock};
use drover_proto::v1;
use tokio::sync::{mpsc, oneshot, watch};
use tonic::Status;

use crate::{
    clock,
    driver::Session,
    error::ApiError,
    standing::Standing,
    tally::{Count, Tally},
};

/// Messages of agents that may wait. A full lane stops the reading of streams, and flow control reaches the agents.
const CONTROL_CAPACITY: usize = 4_096;

/// Where messages for one agent go.
pub(crate) type Outgoing = mpsc::Sender<Result<v1::CoordinatorMessage, Status>>;

/// From agents: never shed.
pub(crate) type Control = drover_model::lead::Control<Session>;

/// Specs of jobs that may wait, in bytes. One request always may, whatever its size.
const REQUEST_BYTES: usize = 64 << 20;

/// From users: shed when too many wait.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) wish: Wish,
    /// What the wish takes of the room for those that wait. Given back when this is dropped.
    pub(crate) _load: Load,
    pub(crate) reply: oneshot::Sender<Result<Answer, ApiError>>,
}

/// The driver's end.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) control: mpsc::Receiver<Control>,
    pub(crate) requests: mpsc::Receiver<Request>,
}

/// Everybody else's end.
#[derive(Clone, Debug)]
pub(crate) struct Senders {
    control: mpsc::Sender<Control>,
    requests: mpsc::Sender<Request>,
    waiting_bytes: Arc<AtomicUsize>,
    pub(crate) standing: watch::Receiver<Standing>,
    tally: Arc<Tally>,
}

pub(crate) fn lanes(
    waiting_requests: usize,
    standing: watch::Receiver<Standing>,
    tally: Arc<Tally>,
) -> (Senders, Inbox) {
    let (control_in, control) = mpsc::channel(CONTROL_CAPACITY);
    let (requests_in, requests) = mpsc::channel(waiting_requests);
    let senders = Senders {
        control: control_in,
        requests: requests_in,
        waiting_bytes: Arc::default(),
        standing,
        tally,
    };
    (senders, Inbox { control, requests })
}

impl Senders {
    /// Waits for room.
    pub(crate) async fn control(&self, message: Control) -> Result<(), ApiError> {
        self.control
            .send(message)
            .await
            .map_err(|_| ApiError::interrupted())
    }

    /// # Errors
    /// When this coordinator does not lead.
    pub(crate) fn require_leader(&self) -> Result<(), ApiError> {
        self.standing.borrow().require_leader()
    }

    /// A request for which there is no room.
    pub(crate) fn shed(&self) -> ApiError {
        self.tally.add(Count::ShedRequests);
        ApiError::overloaded()
    }

    /// The nodes as this leader knows them.
    pub(crate) async fn nodes(&self) -> Result<Vec<NodeView>, ApiError> {
        match self.ask(Wish::Ask(Question::Nodes)).await? {
            Answer::Nodes(nodes) => Ok(nodes),
            _ => Err(ApiError::internal()),
        }
    }

    /// Waits for the answer, which follows the commit of what the wish has changed.
    pub(crate) async fn ask(&self, wish: Wish) -> Result<Answer, ApiError> {
        self.require_leader()?;
        let load = Load::new(&self.waiting_bytes, wish.spec_bytes()).ok_or_else(|| self.shed())?;
        let (reply, answer) = oneshot::channel();
        self.requests
            .try_send(Request {
                wish,
                _load: load,
                reply,
            })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => self.shed(),
                mpsc::error::TrySendError::Closed(_) => ApiError::interrupted(),
            })?;
        answer
            .await
            .unwrap_or_else(|_| Err(ApiError::interrupted()))
    }
}

/// A part of [`REQUEST_BYTES`].
#[derive(Debug)]
pub(crate) struct Load {
    waiting: Arc<AtomicUsize>,
    bytes: usize,
}

impl Load {
    /// `None`: there is no room for it.
    fn new(waiting: &Arc<AtomicUsize>, bytes: usize) -> Option<Self> {
        let before = waiting.fetch_add(bytes, Ordering::Relaxed);
        let load = Self {
            waiting: Arc::clone(waiting),
            bytes,
        };
        (before == 0 || before + bytes <= REQUEST_BYTES).then_some(load)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// When a session was heard from last, and what it measured: written by the session, read by the driver once a second,
/// so that heartbeats cost the model nothing.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    fresh: AtomicBool,
    /// Of [`clock::now`]: not the time of day, which may jump and is not the model's.
    at_ms: AtomicU64,
    cpu_permille: AtomicU32,
    memory_permille: AtomicU32,
}

impl Pulse {
    pub(crate) fn beat(&self) {
        let at_ms = u64::try_from(clock::now().as_millis()).unwrap_or(u64::MAX);
        self.at_ms.store(at_ms, Ordering::Relaxed);
        self.fresh.store(true, Ordering::Release);
    }

    pub(crate) fn measure(&self, cpu_permille: u32, memory_permille: u32) {
        self.cpu_permille
            .store(cpu_permille.min(1_000), Ordering::Relaxed);
        self.memory_permille
            .store(memory_permille.min(1_000), Ordering::Relaxed);
    }

    /// `None` if nothing was heard since the last call.
    pub(crate) fn take(&self, session: SessionId, model: &ModelClock) -> Option<Heard> {
        let at = || Duration::from_millis(self.at_ms.load(Ordering::Relaxed));
        self.fresh.swap(false, Ordering::Acquire).then(|| Heard {
            session,
            at: model.at(at()),
            cpu_permille: self.cpu_permille.load(Ordering::Relaxed),
            memory_permille: self.memory_permille.load(Ordering::Relaxed),
        })
    }
}

#[cfg(test)]
mod tests {
    use drover_model::Question;
    use futures_util::FutureExt as _;

    use super::*;
    use crate::error::Code;

    fn leading_lanes() -> (Senders, Inbox) {
        let standing = Standing {
            leads: true,
            ..Standing::default()
        };
        lanes(1, watch::channel(standing).1, Arc::default())
    }

    #[tokio::test]
    async fn a_standby_takes_no_requests() {
        let standing = Standing {
            leader: Some("http://one:1".into()),
            ..Standing::default()
        };
        let (senders, _inbox) = lanes(1, watch::channel(standing).1, Arc::default());
        let refused = senders.ask(Wish::Ask(Question::Nodes)).await.unwrap_err();
        assert_eq!(refused.code, Code::NotLeader);
        assert_eq!(refused.leader.as_deref(), Some("http://one:1"));
    }

    #[tokio::test]
    async fn requests_are_shed_when_the_lane_is_full_and_control_is_not() {
        let (senders, mut inbox) = leading_lanes();
        let mut first = Box::pin(senders.ask(Wish::Ask(Question::Nodes)));
        assert!(first.as_mut().now_or_never().is_none());
        let second = senders.ask(Wish::Ask(Question::Nodes)).await.unwrap_err();
        assert_eq!(second.code, Code::Overloaded);
        assert!(second.retry_after.is_some());
        let left = Control::Left {
            session: SessionId(1),
        };
        senders.control(left).await.unwrap();
        let request = inbox.requests.recv().await.unwrap();
        request.reply.send(Ok(Answer::Nodes(Vec::new()))).unwrap();
        assert_eq!(first.await.unwrap(), Answer::Nodes(Vec::new()));
    }

    #[test]
    fn what_waits_has_a_bound_in_bytes() {
        let waiting = Arc::default();
        let large = Load::new(&waiting, REQUEST_BYTES + 1).unwrap();
        assert!(Load::new(&waiting, 1).is_none());
        drop(large);
        let first = Load::new(&waiting, REQUEST_BYTES - 1).unwrap();
        let second = Load::new(&waiting, 1).unwrap();
        assert!(Load::new(&waiting, 1).is_none());
        drop((first, second));
        assert_eq!(waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_caller_whose_answer_is_dropped_hears_unavailable() {
        let (senders, mut inbox) = leading_lanes();
        let mut call = Box::pin(senders.ask(Wish::Ask(Question::Policy)));
        assert!(call.as_mut().now_or_never().is_none());
        drop(inbox.requests.recv().await);
        assert_eq!(call.await.unwrap_err().code, Code::Unavailable);
    }

    #[test]
    fn a_pulse_is_heard_once() {
        // A model whose time is far ahead of the time of day, as after a clock that jumped back.
        let ahead = clock::wall().plus_ms(1_000_000);
        let model = clock::model(ahead);
        let pulse = Pulse::default();
        assert_eq!(pulse.take(SessionId(1), &model), None);
        pulse.measure(2_000, 5);
        pulse.beat();
        let heard = pulse.take(SessionId(1), &model).unwrap();
        assert!(
            (ahead..=model.at(clock::now())).contains(&heard.at),
            "{heard:?}"
        );
        assert_eq!(heard.cpu_permille, 1_000);
        assert_eq!(pulse.take(SessionId(1), &model), None);
    }
}
