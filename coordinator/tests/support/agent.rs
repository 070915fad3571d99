//! Agents that are only a stream.

use std::{collections::VecDeque, time::Duration};

use drover_coordinator::Handle;
use drover_proto::{AGENT_PROTOCOL_VERSION, v1};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use v1::{
    agent_message::Message, agent_service_client::AgentServiceClient,
    coordinator_message::Message as FromCoordinator,
};

use super::channel;

/// Of an agent whose sessions end.
const BETWEEN_JOINS: Duration = Duration::from_millis(20);

/// Speaks the agent protocol, starts nothing, and says whatever the test wants.
pub(crate) struct FakeAgent {
    outgoing: mpsc::Sender<v1::AgentMessage>,
    incoming: Streaming<v1::CoordinatorMessage>,
    assigned: VecDeque<v1::Assign>,
    sequence: u64,
    pub(crate) welcome: v1::Welcome,
}

impl FakeAgent {
    pub(crate) async fn join(handle: &Handle, join: v1::Join) -> Result<Self, tonic::Status> {
        let (outgoing, messages) = mpsc::channel(64);
        send(&outgoing, Message::Join(join)).await;
        let mut client = AgentServiceClient::new(channel(handle).await);
        let mut incoming = client
            .session(ReceiverStream::new(messages))
            .await?
            .into_inner();
        let mut assigned = VecDeque::new();
        let welcome = loop {
            let message = incoming.message().await?;
            let message = message.ok_or_else(|| tonic::Status::unavailable("no welcome"))?;
            match message.message.expect("a message") {
                FromCoordinator::Welcome(welcome) => break welcome,
                FromCoordinator::Assignments(more) => assigned.extend(more.assignments),
                other => panic!("{other:?} before the welcome"),
            }
        };
        Ok(Self {
            outgoing,
            incoming,
            assigned,
            sequence: 0,
            welcome,
        })
    }

    /// The next message that is not an acknowledgement.
    async fn receive(&mut self) -> FromCoordinator {
        loop {
            let message = self
                .incoming
                .message()
                .await
                .unwrap()
                .expect("an open session");
            match message.message.expect("a message") {
                FromCoordinator::Ack(_) => {}
                other => return other,
            }
        }
    }

    pub(crate) async fn assignment(&mut self) -> v1::Assign {
        loop {
            if let Some(assign) = self.assigned.pop_front() {
                return assign;
            }
            match self.receive().await {
                FromCoordinator::Assignments(more) => self.assigned.extend(more.assignments),
                other => panic!("{other:?} instead of an assignment"),
            }
        }
    }

    /// Waits for the end of the stream; true when nothing but acknowledgements came before.
    pub(crate) async fn is_closed(&mut self) -> bool {
        loop {
            match self.incoming.message().await {
                Ok(Some(message)) => match message.message {
                    Some(FromCoordinator::Ack(_)) => {}
                    _ => return false,
                },
                Ok(None) | Err(_) => return true,
            }
        }
    }

    pub(crate) async fn stop(&mut self) -> v1::Stop {
        match self.receive().await {
            FromCoordinator::Stop(stop) => stop,
            other => panic!("{other:?} instead of a stop"),
        }
    }

    pub(crate) async fn heartbeat(&mut self) -> FromCoordinator {
        let heartbeat = v1::Heartbeat {
            number: 7,
            cpu_permille: 500,
            memory_permille: 250,
        };
        send(&self.outgoing, Message::Heartbeat(heartbeat)).await;
        self.receive().await
    }

    pub(crate) async fn leaving(&self) {
        send(&self.outgoing, Message::Leaving(v1::Leaving {})).await;
    }

    pub(crate) async fn started(&mut self, assign: &v1::Assign) {
        let what = v1::report::What::Started(v1::Started { at_ms: 1 });
        self.report(assign, what).await;
    }

    /// As soon as it had begun.
    pub(crate) async fn finished(&mut self, assign: &v1::Assign, outcome: v1::Outcome) {
        self.finished_at(assign, outcome, 2).await;
    }

    /// What is not yet is now.
    pub(crate) async fn finished_at(
        &mut self,
        assign: &v1::Assign,
        outcome: v1::Outcome,
        ended_at_ms: i64,
    ) {
        let what = v1::report::What::Ended(v1::Ended {
            started_at_ms: 1,
            ended_at_ms,
            outcome: outcome.into(),
            exit_code: Some(0),
            message: String::new(),
        });
        self.report(assign, what).await;
    }

    async fn report(&mut self, assign: &v1::Assign, what: v1::report::What) {
        self.sequence += 1;
        let reports = v1::Reports {
            sequence: self.sequence,
            reports: vec![v1::Report {
                key: assign.key.clone(),
                what: Some(what),
            }],
        };
        send(&self.outgoing, Message::Reports(reports)).await;
    }
}

async fn send(outgoing: &mpsc::Sender<v1::AgentMessage>, message: Message) {
    let message = v1::AgentMessage {
        message: Some(message),
    };
    outgoing.send(message).await.expect("an open session");
}

pub(crate) fn join(node: &str, cpu_millis: u64) -> v1::Join {
    v1::Join {
        node: node.to_owned(),
        incarnation: 1,
        protocol_version: AGENT_PROTOCOL_VERSION,
        agent_version: "test".to_owned(),
        capacity: Some(v1::Resources {
            cpu_millis,
            memory_bytes: 1 << 30,
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// An agent that finishes at once whatever it is given, and joins again whenever its session ends. Ends when dropped.
pub(crate) struct DiligentAgent {
    working: tokio::task::JoinHandle<()>,
}

impl DiligentAgent {
    pub(crate) fn start(handle: &Handle, node: &str) -> Self {
        let (url, join) = (format!("http://{}", handle.address()), join(node, 4_000));
        let working = tokio::spawn(async move {
            loop {
                // Why a session ends is not its concern.
                let _ = finish_everything(&url, &join).await;
                tokio::time::sleep(BETWEEN_JOINS).await;
            }
        });
        Self { working }
    }
}

impl Drop for DiligentAgent {
    fn drop(&mut self) {
        self.working.abort();
    }
}

async fn finish_everything(url: &str, join: &v1::Join) -> Result<(), tonic::Status> {
    let mut client = AgentServiceClient::connect(url.to_owned())
        .await
        .map_err(|error| tonic::Status::unavailable(error.to_string()))?;
    let (outgoing, messages) = mpsc::channel(64);
    send(&outgoing, Message::Join(join.clone())).await;
    let mut incoming = client
        .session(ReceiverStream::new(messages))
        .await?
        .into_inner();
    let mut sequence = 0;
    while let Some(message) = incoming.message().await? {
        let Some(FromCoordinator::Assignments(more)) = message.message else {
            continue;
        };
        for assign in more.assignments {
            sequence += 1;
            let ended = v1::Ended {
                started_at_ms: 1,
                ended_at_ms: 2,
                outcome: v1::Outcome::Succeeded.into(),
                ..Default::default()
            };
            let report = v1::Report {
                key: assign.key,
                what: Some(v1::report::What::Ended(ended)),
            };
            let reports = v1::Reports {
                sequence,
                reports: vec![report],
            };
            let message = v1::AgentMessage {
                message: Some(Message::Reports(reports)),
            };
            if outgoing.send(message).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}
