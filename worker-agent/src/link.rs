//! The connection to the coordinator, made again for ever.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use drover_proto::v1::{
    AgentMessage, CoordinatorMessage, agent_service_client::AgentServiceClient,
};
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Status, Streaming,
    transport::{Channel, Endpoint},
};

use crate::{AgentError, backoff::Backoff};

/// Messages that wait for the socket. When they are this many, reports gather in the outbox instead.
const OUTBOUND: usize = 16;

/// Assignments carry payloads of users; the coordinator limits those.
const LARGEST_MESSAGE: usize = 256 << 20;

type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

pub(crate) enum LinkEvent {
    /// [`Link::open`] is due.
    Connected,
    Message(CoordinatorMessage),
    /// The open stream has ended; the next connection is under way.
    Lost,
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
}

pub(crate) struct Link {
    endpoint: Endpoint,
    backoff: Backoff,
    state: State,
}

/// Where the coordinator is. The connection notices a peer that has silently gone.
pub(crate) fn endpoint(address: &str) -> Result<Endpoint, AgentError> {
    let wrong = |problem: String| AgentError::Coordinator {
        address: address.to_owned(),
        problem,
    };
    let endpoint =
        Endpoint::from_shared(address.to_owned()).map_err(|error| wrong(error.to_string()))?;
    if endpoint.uri().scheme_str() != Some("http") || endpoint.uri().authority().is_none() {
        return Err(wrong("it has to begin with http://HOST:PORT".to_owned()));
    }
    Ok(endpoint
        .connect_timeout(Duration::from_secs(5))
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(10)))
}

impl Link {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            backoff: Backoff::default(),
            state: State::Waiting(Instant::now()),
        }
    }

    /// Waits for the next thing to happen. May be dropped and called again at any time.
    pub(crate) async fn next(&mut self) -> LinkEvent {
        loop {
            match &mut self.state {
                State::Waiting(until) => {
                    tokio::time::sleep_until(*until).await;
                    let endpoint = self.endpoint.clone();
                    self.state = State::Dialing(Box::pin(async move { endpoint.connect().await }));
                }
                State::Dialing(channel) => match channel.await {
                    Ok(channel) => self.state = State::Connected(channel),
                    Err(error) => self.retreat(&error_chain(&error)),
                },
                State::Connected(_) => return LinkEvent::Connected,
                State::Opening { outbound, stream } => match stream.await {
                    Ok(inbound) => {
                        let outbound = outbound.clone();
                        self.state = State::Open { outbound, inbound };
                    }
                    Err(status) => return self.lose(&describe(&status)),
                },
                State::Open { inbound, .. } => match inbound.message().await {
                    Ok(Some(message)) => return LinkEvent::Message(message),
                    Ok(None) => return self.lose("the coordinator ended the session"),
                    Err(status) => return self.lose(&describe(&status)),
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
    }

    /// The coordinator has accepted the join.
    pub(crate) fn accepted(&mut self) {
        self.backoff.reset();
    }

    /// Ends the connection; the next one follows after a wait.
    pub(crate) fn close(&mut self, reason: &impl fmt::Display) {
        self.retreat(&reason.to_string());
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

    fn lose(&mut self, reason: &str) -> LinkEvent {
        self.retreat(reason);
        LinkEvent::Lost
    }

    fn retreat(&mut self, reason: &str) {
        let wait = self.backoff.next();
        tracing::warn!(reason, ?wait, coordinator = %self.endpoint.uri(), "not connected");
        self.state = State::Waiting(Instant::now() + wait);
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
