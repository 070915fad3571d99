//! Against coordinators that have nothing but output.

use drover_proto::v1::{
    self,
    job_service_server::{JobService, JobServiceServer},
};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_stream::{Iter, wrappers::TcpListenerStream};
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::*;
use crate::client::Address;

type Told = Vec<Result<LogLine, Status>>;

/// Tells everybody the same.
struct Fake(Told);

#[tonic::async_trait]
impl JobService for Fake {
    type WatchStream = Iter<std::vec::IntoIter<Result<v1::WatchJobResponse, Status>>>;
    type GetLogsStream = Iter<std::vec::IntoIter<Result<LogLine, Status>>>;

    async fn get_logs(
        &self,
        _: Request<GetLogsRequest>,
    ) -> Result<Response<Self::GetLogsStream>, Status> {
        Ok(Response::new(tokio_stream::iter(self.0.clone())))
    }

    async fn submit(
        &self,
        _: Request<v1::SubmitRequest>,
    ) -> Result<Response<v1::SubmitResponse>, Status> {
        Err(Status::unimplemented("submit"))
    }

    async fn submit_batch(
        &self,
        _: Request<v1::SubmitBatchRequest>,
    ) -> Result<Response<v1::SubmitBatchResponse>, Status> {
        Err(Status::unimplemented("submit_batch"))
    }

    async fn get(&self, _: Request<v1::GetJobRequest>) -> Result<Response<v1::Job>, Status> {
        Err(Status::unimplemented("get"))
    }

    async fn list(
        &self,
        _: Request<v1::ListJobsRequest>,
    ) -> Result<Response<v1::ListJobsResponse>, Status> {
        Err(Status::unimplemented("list"))
    }

    async fn watch(
        &self,
        _: Request<v1::WatchJobRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("watch"))
    }

    async fn cancel(
        &self,
        _: Request<v1::CancelJobRequest>,
    ) -> Result<Response<v1::CancelJobResponse>, Status> {
        Err(Status::unimplemented("cancel"))
    }
}

/// Its address. It serves until `servers` is dropped.
async fn serve(servers: &mut JoinSet<()>, told: Told) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    servers.spawn(async move {
        tonic::transport::Server::builder()
            .add_service(JobServiceServer::new(Fake(told)))
            .serve_with_incoming(TcpListenerStream::new(listener))
            .await
            .expect("serving");
    });
    url
}

fn line(data: &'static str, end: bool) -> Result<LogLine, Status> {
    Ok(LogLine {
        task: "run".to_owned(),
        attempt: 1,
        data: data.into(),
        end,
        ..LogLine::default()
    })
}

fn deposed(leader: &str) -> Result<LogLine, Status> {
    let metadata = [("leader".to_owned(), leader.to_owned())];
    let details = ErrorDetails::with_error_info("NOT_LEADER", "drover", metadata);
    Err(Status::with_error_details(
        Code::Unavailable,
        "a standby",
        details,
    ))
}

async fn followed(url: &str) -> Result<Vec<u8>, CliError> {
    let client = Client::connect(&Address::one(url)).await?;
    let query = GetLogsRequest {
        follow: true,
        ..GetLogsRequest::default()
    };
    let mut seen = Vec::new();
    follow(&client, &query, |line| {
        seen.extend_from_slice(&line.data);
        Ok(())
    })
    .await?;
    Ok(seen)
}

#[tokio::test]
async fn output_goes_on_where_it_was_when_another_leads() {
    let mut servers = JoinSet::new();
    let all = vec![line("one ", false), line("two three", true)];
    let leader = serve(&mut servers, all).await;
    let broken = vec![line("one ", false), line("two ", false), deposed(&leader)];
    let before = serve(&mut servers, broken).await;
    let seen = followed(&before).await.expect("the next one leads");
    assert_eq!(String::from_utf8_lossy(&seen), "one two three");
}

#[tokio::test]
async fn a_refusal_ends_it() {
    let mut servers = JoinSet::new();
    let refused = vec![line("one", false), Err(Status::internal("unreadable"))];
    let url = serve(&mut servers, refused).await;
    let error = followed(&url).await.expect_err("refused");
    assert!(matches!(error, CliError::Refused(_)), "{error}");
}
