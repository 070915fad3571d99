//! Against coordinators that are no more than an answer.

use std::{
    process::ExitCode,
    sync::atomic::{AtomicU32, Ordering},
};

use drover_proto::v1::{
    GetStatusRequest, Status as Standing,
    cluster_service_client::ClusterServiceClient,
    cluster_service_server::{ClusterService, ClusterServiceServer},
};
use tokio::net::TcpListener;
use tonic::{Code, Request};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::{
    served::{Served, standby},
    *,
};

/// Gives one answer after the other, the last again and again, and counts the calls.
#[derive(Clone)]
struct Fake {
    answers: Vec<Result<u64, Status>>,
    calls: Arc<AtomicU32>,
}

#[tonic::async_trait]
impl ClusterService for Fake {
    async fn get_status(&self, _: Request<GetStatusRequest>) -> Result<Response<Standing>, Status> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) as usize;
        let epoch = self.answers[call.min(self.answers.len() - 1)].clone()?;
        Ok(Response::new(Standing {
            epoch,
            ..Standing::default()
        }))
    }
}

struct Server {
    served: Served,
    calls: Arc<AtomicU32>,
}

impl Server {
    async fn start(answer: Result<u64, Status>) -> Self {
        Self::with_answers(vec![answer]).await
    }

    async fn with_answers(answers: Vec<Result<u64, Status>>) -> Self {
        let calls = Arc::new(AtomicU32::new(0));
        let fake = Fake {
            answers,
            calls: Arc::clone(&calls),
        };
        let services =
            tonic::transport::Server::builder().add_service(ClusterServiceServer::new(fake));
        Self {
            served: Served::start(services).await,
            calls,
        }
    }

    fn url(&self) -> String {
        self.served.url()
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }
}

/// Where nobody listens.
async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    format!("http://{}", listener.local_addr().expect("bound"))
}

async fn client(urls: Vec<String>) -> Result<Client, CliError> {
    Client::connect(&Address { urls }).await
}

async fn epoch(client: &Client, repeat: Repeat) -> Result<u64, CliError> {
    let answered = client
        .call(repeat, GetStatusRequest {}, |channel, request| async move {
            ClusterServiceClient::new(channel).get_status(request).await
        })
        .await?;
    Ok(answered.answer.epoch)
}

#[tokio::test]
async fn a_standby_is_left_for_its_leader() {
    let leader = Server::start(Ok(7)).await;
    let other = Server::start(Ok(8)).await;
    let standby = Server::start(Err(standby(&leader.url()))).await;
    let client = client(vec![standby.url(), other.url()]).await.expect("up");
    for _ in 0..2 {
        assert_eq!(epoch(&client, Repeat::IfNotDone).await.expect("led"), 7);
    }
    assert_eq!(standby.calls(), 1, "the leader is remembered");
    assert_eq!(other.calls(), 0);
}

#[tokio::test]
async fn one_that_is_gone_is_left_for_the_next() {
    let server = Server::start(Ok(7)).await;
    let client = client(vec![nowhere().await, server.url()])
        .await
        .expect("one is up");
    assert_eq!(epoch(&client, Repeat::IfNotDone).await.expect("up"), 7);
}

/// Until its standbys have noticed that it has.
#[tokio::test]
async fn a_leader_that_has_gone_is_not_followed_again() {
    let standby = Server::start(Err(standby(&nowhere().await))).await;
    let leader = Server::start(Ok(7)).await;
    let client = client(vec![standby.url(), leader.url()]).await.expect("up");
    assert_eq!(epoch(&client, Repeat::IfNotDone).await.expect("led"), 7);
    assert_eq!(standby.calls(), 2, "before and after the one that it named");
}

#[tokio::test]
async fn where_nobody_listens_nobody_is_waited_for() {
    let begin = Instant::now();
    let error = client(vec![nowhere().await, nowhere().await])
        .await
        .expect_err("nobody is there");
    assert!(matches!(error, CliError::Unreachable { .. }), "{error}");
    assert!(begin.elapsed() < PATIENCE / 2);
}

#[tokio::test]
async fn what_may_have_been_done_is_not_asked_again() {
    let server = Server::start(Err(Status::unavailable("interrupted"))).await;
    let client = client(vec![server.url()]).await.expect("up");
    let error = epoch(&client, Repeat::IfNotDone)
        .await
        .expect_err("interrupted");
    assert!(matches!(error, CliError::Unreachable { .. }), "{error}");
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn a_refusal_is_an_answer() {
    let server = Server::start(Err(Status::not_found("no such job"))).await;
    let client = client(vec![server.url()]).await.expect("up");
    let error = epoch(&client, Repeat::Freely).await.expect_err("refused");
    assert!(matches!(error, CliError::Refused(_)), "{error}");
    assert_eq!(server.calls(), 1);
}

fn full(delay: Duration) -> Status {
    let details = ErrorDetails::with_retry_info(Some(delay));
    Status::with_error_details(Code::ResourceExhausted, "no room", details)
}

#[tokio::test]
async fn who_has_no_room_is_asked_again_when_it_says() {
    let delay = Duration::from_millis(120);
    let answers = vec![Err(full(delay)), Err(full(delay)), Ok(7)];
    let server = Server::with_answers(answers).await;
    let other = Server::start(Ok(8)).await;
    let client = client(vec![server.url(), other.url()]).await.expect("up");
    let begin = Instant::now();
    assert_eq!(epoch(&client, Repeat::IfNotDone).await.expect("room"), 7);
    assert!(begin.elapsed() >= delay * 2, "{:?}", begin.elapsed());
    assert_eq!((server.calls(), other.calls()), (3, 0));
}

/// It may have some later: nothing is wrong with what was asked.
#[tokio::test]
async fn who_has_no_room_for_too_long_cannot_answer_now() {
    let server = Server::start(Err(full(PATIENCE * 2))).await;
    let client = client(vec![server.url()]).await.expect("up");
    let error = epoch(&client, Repeat::Freely).await.expect_err("no room");
    assert!(matches!(error, CliError::Unavailable { .. }), "{error}");
    assert_eq!(error.exit_code(), ExitCode::from(3));
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn what_is_too_large_is_not_repeated() {
    let server = Server::start(Err(Status::resource_exhausted("too large"))).await;
    let client = client(vec![server.url()]).await.expect("up");
    let error = epoch(&client, Repeat::Freely).await.expect_err("refused");
    assert!(matches!(error, CliError::Refused(_)), "{error}");
    assert_eq!(server.calls(), 1);
}

#[test]
fn patience_waits_as_long_as_it_is_told_to() {
    let begin = Instant::now();
    let mut patience = Patience::begin(begin);
    let told = Duration::from_secs(2);
    assert_eq!(patience.next_wait(begin, told), Some(told));
    assert_eq!(patience.next_wait(begin, Duration::ZERO), Some(FIRST_WAIT));
    assert_eq!(patience.next_wait(begin, PATIENCE * 2), None);
}

#[test]
fn patience_ends() {
    let begin = Instant::now();
    let mut now = begin;
    let mut patience = Patience::begin(begin);
    let mut waits = 0;
    while let Some(wait) = patience.next_wait(now, Duration::ZERO) {
        now += wait;
        waits += 1;
    }
    assert!(now <= begin + PATIENCE);
    assert!(now > begin + PATIENCE - LONGEST_WAIT);
    assert!((20..=30).contains(&waits), "{waits}");
}
