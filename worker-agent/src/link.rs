//! The connection to the coordinator, made again for ever.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use drover_proto::v1::{
    AgentMessage, CoordinatorMessage, agent_service_client::AgentServiceClient,
};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming, transport::Channel};

use crate::addresses::{self, Addresses, Target};

/// Messages that wait for the socket. When they are this many, reports gather in the outbox instead.
const OUTBOUND: usize = 16;

/// From the connection to the welcome. A coordinator that hangs is left for another one.
const WELCOME: Duration = Duration::from_secs(5);

/// Assignments carry payloads of users; the coordinator limits those.
const LARGEST_MESSAGE: usize = 256 << 20;

type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

pub(crate) enum LinkEvent {
    /// [`Link::open`] is due.
    Connected,
    Message(CoordinatorMessage),
    /// The open stream has ended; the next connection is under way.
    Lost,
    /// The join was refused: a newer agent has this one's name. No further connection is made.
    Superseded,
}

enum State {
    Waiting(Instant),
    Dialing(Pending<Result<Channel, tonic::transport::Error>>),
    Connected(Channel),
    Opening {
        outbound: mpsc::Sender<AgentMessage>,
        stream: Pending<Result<Streaming<CoordinatorMessage>, Status>>,
    },
    Open {
        outbound: mpsc::Sender<AgentMessage>,
        inbound: Streaming<CoordinatorMessage>,
    },
    Shut,
}

pub(crate) struct Link {
    addresses: Addresses,
    /// Where the session is or was last.
    leader: watch::Sender<Target>,
    state: State,
    /// While the coordinator has not accepted the join.
    welcome_by: Option<Instant>,
}

impl Link {
    pub(crate) fn new(addresses: Addresses) -> Self {
        Self {
            leader: watch::Sender::new(addresses.current().clone()),
            addresses,
            state: State::Waiting(Instant::now()),
            welcome_by: None,
        }
    }

    /// Where the leader is, for streams beside the session.
    pub(crate) fn leader(&self) -> watch::Receiver<Target> {
        self.leader.subscribe()
    }

    /// Waits for the next thing to happen. May be dropped and called again at any time.
    pub(crate) async fn next(&mut self) -> LinkEvent {
        loop {
            match &mut self.state {
                State::Waiting(until) => {
                    tokio::time::sleep_until(*until).await;
                    let endpoint = self.addresses.endpoint();
                    self.state = State::Dialing(Box::pin(async move { endpoint.connect().await }));
                }
                State::Dialing(channel) => match channel.await {
                    Ok(channel) => self.state = State::Connected(channel),
                    Err(error) => self.retreat(&error_chain(&error), None),
                },
                State::Connected(_) => return LinkEvent::Connected,
                State::Shut => std::future::pending().await,
                State::Opening { outbound, stream } => match by(self.welcome_by, stream).await {
                    Ok(inbound) => {
                        let outbound = outbound.clone();
                        self.state = State::Open { outbound, inbound };
                    }
                    Err(status) => return self.refused(&status),
                },
                State::Open { inbound, .. } => match by(self.welcome_by, inbound.message()).await {
                    Ok(Some(message)) => return LinkEvent::Message(message),
                    Ok(None) => return self.lose("the coordinator ended the session", None),
                    Err(status) => return self.refused(&status),
                },
            }
        }
    }

    /// Opens the stream with its first message. Without a connection nothing happens.
    pub(crate) fn open(&mut self, join: AgentMessage) {
        let State::Connected(channel) = &self.state else {
            return;
        };
        let (outbound, messages) = mpsc::channel(OUTBOUND);
        if outbound.try_send(join).is_err() {
            unreachable!("the channel is new and holds more than one message");
        }
        let mut client =
            AgentServiceClient::new(channel.clone()).max_decoding_message_size(LARGEST_MESSAGE);
        let stream = Box::pin(async move {
            let answer = client.session(ReceiverStream::new(messages)).await?;
            Ok(answer.into_inner())
        });
        self.state = State::Opening { outbound, stream };
        self.welcome_by = Some(Instant::now() + WELCOME);
    }

    /// The coordinator has accepted the join.
    pub(crate) fn accepted(&mut self) {
        self.welcome_by = None;
        self.addresses.accepted();
        let current = self.addresses.current();
        tracing::info!(coordinator = %current.url, "joined");
        self.leader.send_if_modified(|leader| {
            let moved = leader != current;
            leader.clone_from(current);
            moved
        });
    }

    /// Ends the connection; the next one follows.
    pub(crate) fn close(&mut self, reason: &impl fmt::Display) {
        self.retreat(&reason.to_string(), None);
    }

    /// Room for one message now.
    pub(crate) fn try_reserve(&self) -> Option<mpsc::Permit<'_, AgentMessage>> {
        self.outbound()?.try_reserve().ok()
    }

    /// Ends the agent's half of the stream and waits for the coordinator to end the other.
    pub(crate) async fn finish(self) {
        if let State::Open {
            outbound,
            mut inbound,
        } = self.state
        {
            drop(outbound);
            while let Ok(Some(_)) = inbound.message().await {}
        }
    }

    /// The sending half, for waiting until there is room in it.
    pub(crate) fn sender(&self) -> Option<mpsc::Sender<AgentMessage>> {
        self.outbound().cloned()
    }

    fn outbound(&self) -> Option<&mpsc::Sender<AgentMessage>> {
        match &self.state {
            State::Open { outbound, .. } => Some(outbound),
            _ => None,
        }
    }

    /// A session that is superseded may have been so by a join of this very agent that arrived late. The answer to
    /// the next join tells.
    fn refused(&mut self, status: &Status) -> LinkEvent {
        if self.welcome_by.is_some() && addresses::is_superseded(status) {
            self.state = State::Shut;
            return LinkEvent::Superseded;
        }
        self.lose(&describe(status), addresses::leader(status).as_ref())
    }

    fn lose(&mut self, reason: &str, leader: Option<&Target>) -> LinkEvent {
        self.retreat(reason, leader);
        LinkEvent::Lost
    }

    fn retreat(&mut self, reason: &str, leader: Option<&Target>) {
        let from = self.addresses.current().url.clone();
        let wait = self.addresses.failed(leader);
        let next = &self.addresses.current().url;
        if wait.is_zero() {
            tracing::info!(reason, coordinator = %from, %next, "trying another coordinator");
        } else {
            tracing::warn!(reason, coordinator = %from, %next, ?wait, "not connected");
        }
        self.state = State::Waiting(Instant::now() + wait);
    }
}

/// What comes until then; for ever when there is no such time.
async fn by<T>(
    deadline: Option<Instant>,
    answer: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, answer)
            .await
            .unwrap_or_else(|_| Err(Status::deadline_exceeded("no welcome has come"))),
        None => answer.await,
    }
}

fn describe(status: &Status) -> String {
    format!("{:?}: {}", status.code(), status.message())
}

fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
