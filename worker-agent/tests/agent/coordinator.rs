//! The test's side of the protocol.

use std::collections::HashMap;

use drover_proto::{
    agent::key_to_wire,
    v1::{
        self, AgentMessage, CoordinatorMessage, LogAck, LogChunk, Outcome,
        agent_message::Message as FromAgent,
        agent_service_server::{AgentService, AgentServiceServer},
        coordinator_message::Message as ToAgent,
        report::What,
    },
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_util::task::AbortOnDropHandle;
use tonic::{Code, Request, Response, Status, Streaming, transport::Server};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::task::{Task, key};

struct Service {
    /// What everybody hears.
    refusal: Option<Status>,
    sessions: mpsc::Sender<Session>,
    logs: mpsc::Sender<LogChunk>,
}

#[tonic::async_trait]
impl AgentService for Service {
    type SessionStream = ReceiverStream<Result<CoordinatorMessage, Status>>;
    type LogsStream = ReceiverStream<Result<LogAck, Status>>;

    async fn session(
        &self,
        request: Request<Streaming<AgentMessage>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        if let Some(status) = &self.refusal {
            return Err(status.clone());
        }
        let (outbound, messages) = mpsc::channel(100);
        let session = Session {
            inbound: request.into_inner(),
            outbound,
            waiting: Vec::new(),
            sequence: 0,
        };
        self.sessions.send(session).await.expect("the test listens");
        Ok(Response::new(ReceiverStream::new(messages)))
    }

    async fn logs(
        &self,
        request: Request<Streaming<LogChunk>>,
    ) -> Result<Response<Self::LogsStream>, Status> {
        if let Some(status) = &self.refusal {
            return Err(status.clone());
        }
        let (acks, messages) = mpsc::channel(100);
        let logs = self.logs.clone();
        let mut inbound = request.into_inner();
        tokio::spawn(async move {
            while let Ok(Some(chunk)) = inbound.message().await {
                let sequence = chunk.sequence;
                if logs.send(chunk).await.is_err() {
                    return;
                }
                let _ = acks.send(Ok(LogAck { sequence })).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(messages)))
    }
}

pub(crate) struct Coordinator {
    pub(crate) address: String,
    sessions: mpsc::Receiver<Session>,
    pub(crate) logs: mpsc::Receiver<LogChunk>,
    _server: AbortOnDropHandle<()>,
}

impl Coordinator {
    pub(crate) async fn start() -> Self {
        Self::serve(None).await
    }

    /// One that does not lead, and says who does, if anybody.
    pub(crate) async fn standby(leader: &str) -> Self {
        let metadata = HashMap::from([("leader".to_owned(), leader.to_owned())]);
        let details = ErrorDetails::with_error_info("NOT_LEADER", "drover", metadata);
        let status = Status::with_error_details(Code::Unavailable, "a standby", details);
        Self::serve(Some(status)).await
    }

    async fn serve(refusal: Option<Status>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        let (sessions, session_receiver) = mpsc::channel(10);
        let (logs, log_receiver) = mpsc::channel(10_000);
        let service = Service {
            refusal,
            sessions,
            logs,
        };
        let service = AgentServiceServer::new(service).max_decoding_message_size(64 << 20);
        let server = tokio::spawn(async move {
            Server::builder()
                .add_service(service)
                .serve_with_incoming(TcpListenerStream::new(listener))
                .await
                .expect("serves");
        });
        Self {
            address,
            sessions: session_receiver,
            logs: log_receiver,
            _server: AbortOnDropHandle::new(server),
        }
    }

    /// The next connection of an agent, with its join, not yet answered.
    pub(crate) async fn connection(&mut self) -> (Session, v1::Join) {
        let mut session = self.sessions.recv().await.expect("the server runs");
        match session.message().await {
            FromAgent::Join(join) => (session, join),
            other => panic!("a join comes first, not {other:?}"),
        }
    }

    /// The first connection of another agent than the one that joined like this, with its join, not yet answered.
    pub(crate) async fn next_incarnation(&mut self, before: &v1::Join) -> (Session, v1::Join) {
        loop {
            let (session, join) = self.connection().await;
            if join.incarnation != before.incarnation {
                return (session, join);
            }
        }
    }

    /// The next connection, accepted.
    pub(crate) async fn session(&mut self) -> Session {
        let (session, _) = self.connection().await;
        session.welcome(1, vec![]).await;
        session
    }
}

pub(crate) struct Session {
    inbound: Streaming<AgentMessage>,
    outbound: mpsc::Sender<Result<CoordinatorMessage, Status>>,
    waiting: Vec<v1::Report>,
    /// Of the last batch.
    pub(crate) sequence: u64,
}

impl Session {
    pub(crate) async fn message(&mut self) -> FromAgent {
        let message = self.inbound.message().await.expect("the stream is whole");
        message.expect("it goes on").message.expect("known")
    }

    pub(crate) async fn send(&self, message: ToAgent) {
        let message = CoordinatorMessage {
            message: Some(message),
        };
        self.outbound
            .send(Ok(message))
            .await
            .expect("the agent is there");
    }

    pub(crate) async fn welcome(&self, epoch: u64, discard: Vec<v1::AttemptKey>) {
        self.send(ToAgent::Welcome(v1::Welcome {
            epoch,
            heartbeat_interval_ms: 1_000,
            node_timeout_ms: 100_000,
            lease_ms: 50_000,
            fence_grace_ms: 25_000,
            discard,
        }))
        .await;
    }

    /// With a short lease, and a grace of 50 ms at its end.
    pub(crate) async fn welcome_for(&self, lease_ms: u32, heartbeat_interval_ms: u32) {
        self.lease(lease_ms, heartbeat_interval_ms, 50).await;
    }

    pub(crate) async fn lease(
        &self,
        lease_ms: u32,
        heartbeat_interval_ms: u32,
        fence_grace_ms: u32,
    ) {
        self.send(ToAgent::Welcome(v1::Welcome {
            epoch: 1,
            heartbeat_interval_ms,
            node_timeout_ms: 2 * lease_ms,
            lease_ms,
            fence_grace_ms,
            discard: vec![],
        }))
        .await;
    }

    pub(crate) async fn assign(&self, tasks: impl IntoIterator<Item = impl Into<Task>>) {
        let assignments = tasks.into_iter().map(|task| task.into().assign()).collect();
        self.send(ToAgent::Assignments(v1::Assignments { assignments }))
            .await;
    }

    pub(crate) async fn stop(&self, task: u32, grace_ms: u32) {
        self.stop_all([(task, grace_ms)]).await;
    }

    /// Tasks, each with its grace.
    pub(crate) async fn stop_all<const N: usize>(&self, tasks: [(u32, u32); N]) {
        self.send(ToAgent::Stop(v1::Stop {
            keys: tasks.map(|(task, _)| key_to_wire(key(task))).to_vec(),
            grace_ms: tasks.map(|(_, grace_ms)| grace_ms).to_vec(),
        }))
        .await;
    }

    pub(crate) async fn acknowledge(&self, sequence: u64) {
        self.send(ToAgent::Ack(v1::Ack { sequence })).await;
    }

    /// The next report of anything.
    pub(crate) async fn report(&mut self) -> (u32, What) {
        while self.waiting.is_empty() {
            if let FromAgent::Reports(reports) = self.message().await {
                self.note(reports);
            }
        }
        let report = self.waiting.remove(0);
        (
            report.key.expect("present").task,
            report.what.expect("present"),
        )
    }

    /// The next end of an attempt.
    pub(crate) async fn end(&mut self) -> (u32, v1::Ended) {
        loop {
            if let (task, What::Ended(ended)) = self.report().await {
                return (task, ended);
            }
        }
    }

    fn note(&mut self, reports: v1::Reports) {
        self.sequence = reports.sequence;
        self.waiting.extend(reports.reports);
    }

    /// The next ends, in the order of their tasks.
    pub(crate) async fn ends<const N: usize>(&mut self) -> [(u32, v1::Ended); N] {
        let mut ends = Vec::new();
        for _ in 0..N {
            ends.push(self.end().await);
        }
        ends.sort_unstable_by_key(|(task, _)| *task);
        ends.try_into().expect("so many")
    }

    pub(crate) async fn outcomes<const N: usize>(&mut self) -> [(u32, Outcome); N] {
        let ends = self.ends().await;
        ends.map(|(task, ended)| (task, ended.outcome()))
    }

    /// Reports that come before it are kept.
    pub(crate) async fn heartbeat(&mut self) -> v1::Heartbeat {
        loop {
            match self.message().await {
                FromAgent::Heartbeat(heartbeat) => return heartbeat,
                FromAgent::Reports(reports) => self.note(reports),
                FromAgent::Leaving(_) => {}
                FromAgent::Join(_) => panic!("one is enough"),
            }
        }
    }

    /// Ends the session as a coordinator does that has heard from a newer agent of the same name.
    pub(crate) async fn supersede(&self) {
        let details = ErrorDetails::with_error_info("SUPERSEDED", "drover", HashMap::new());
        let status = Status::with_error_details(Code::Aborted, "a newer agent", details);
        let sent = self.outbound.send(Err(status)).await;
        sent.expect("the agent is there");
    }

    /// True when the agent has ended its half and nothing was left unread.
    pub(crate) async fn has_ended(&mut self) -> bool {
        matches!(self.inbound.message().await, Ok(None))
    }
}
