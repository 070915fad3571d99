//! The test's side of the protocol.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use bytes::Bytes;
use drover_agent::{GuardCommand, Options};
use drover_model::{AttemptKey, JobId, Resources};
use drover_proto::{
    agent::key_to_wire,
    v1::{
        self, AgentMessage, CoordinatorMessage, LogAck, LogChunk,
        agent_message::Message as FromAgent,
        agent_service_server::{AgentService, AgentServiceServer},
        coordinator_message::Message as ToAgent,
        report::What,
        task_payload::Run,
    },
};
use prost::Message as _;
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tonic::{Request, Response, Status, Streaming, transport::Server};

struct Service {
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
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        let (sessions, session_receiver) = mpsc::channel(10);
        let (logs, log_receiver) = mpsc::channel(10_000);
        let service =
            AgentServiceServer::new(Service { sessions, logs }).max_decoding_message_size(64 << 20);
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
    async fn message(&mut self) -> FromAgent {
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
            discard,
        }))
        .await;
    }

    pub(crate) async fn assign(&self, tasks: impl IntoIterator<Item = (u32, Run)>) {
        let assignments = tasks
            .into_iter()
            .map(|(task, run)| v1::Assign {
                key: Some(key_to_wire(key(task))),
                payload: payload(run),
                traceparent: "00-trace-01".to_owned(),
            })
            .collect();
        self.send(ToAgent::Assignments(v1::Assignments { assignments }))
            .await;
    }

    pub(crate) async fn stop(&self, task: u32, grace_ms: u32) {
        self.send(ToAgent::Stop(v1::Stop {
            keys: vec![key_to_wire(key(task))],
            grace_ms,
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
                self.sequence = reports.sequence;
                self.waiting = reports.reports;
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

    pub(crate) async fn heartbeat(&mut self) -> v1::Heartbeat {
        loop {
            if let FromAgent::Heartbeat(heartbeat) = self.message().await {
                return heartbeat;
            }
        }
    }

    /// True when the agent has ended its half and nothing was left unread.
    pub(crate) async fn has_ended(&mut self) -> bool {
        matches!(self.inbound.message().await, Ok(None))
    }
}

pub(crate) fn key(task: u32) -> AttemptKey {
    AttemptKey {
        job: JobId::from_u128(0xab),
        task,
        attempt: 1,
    }
}

fn payload(run: Run) -> Bytes {
    v1::TaskPayload {
        job_name: "nightly".to_owned(),
        task_name: "extract".to_owned(),
        run: Some(run),
    }
    .encode_to_vec()
    .into()
}

pub(crate) fn argv<const N: usize>(words: [&str; N]) -> Run {
    Run::Command(command(words, false))
}

pub(crate) fn shell(script: &str) -> Run {
    Run::Command(command([script], true))
}

pub(crate) fn command<const N: usize>(words: [&str; N], shell: bool) -> v1::Command {
    v1::Command {
        argv: words
            .map(|word| Bytes::copy_from_slice(word.as_bytes()))
            .into(),
        shell,
        env: BTreeMap::new(),
        cwd: Bytes::new(),
    }
}

pub(crate) fn simulate(duration: Duration) -> Run {
    Run::Simulate(v1::Simulate {
        duration: Some(duration.into()),
        failure_chance: 0.0,
    })
}

/// An agent in this process.
pub(crate) struct Agent {
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: JoinHandle<Result<(), drover_agent::AgentError>>,
    pub(crate) work_dir: tempfile::TempDir,
}

impl Agent {
    pub(crate) fn start(coordinator: &Coordinator) -> Self {
        let work_dir = tempfile::tempdir().expect("a directory");
        let options = Options {
            coordinator: coordinator.address.clone(),
            name: "n1".to_owned(),
            capacity: Resources::ZERO,
            labels: BTreeMap::from([("zone".to_owned(), "a".to_owned())]),
            simulate: false,
            work_dir: work_dir.path().to_owned(),
            guard: GuardCommand {
                program: PathBuf::from(env!("CARGO_BIN_EXE_drover-agent")),
                args: vec!["guard".into()],
            },
        };
        let shutdown = CancellationToken::new();
        Self {
            task: tokio::spawn(drover_agent::run(options, shutdown.clone())),
            shutdown,
            work_dir,
        }
    }

    /// A fifo in the working directory.
    pub(crate) fn fifo(&self, name: &str) -> PathBuf {
        let path = self.work_dir.path().join(name);
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("a fifo");
        path
    }
}

/// Waits until the fifo is written to, and closed by every writer.
pub(crate) async fn read(fifo: PathBuf) -> String {
    tokio::task::spawn_blocking(|| std::fs::read_to_string(fifo).expect("readable"))
        .await
        .expect("no panic")
}
