//! Against coordinators that have nothing but output.

use drover_proto::v1::{
    self,
    job_service_server::{JobService, JobServiceServer},
};
use tokio_stream::Iter;
use tonic::{Request, Response, Status};

use super::*;
use crate::client::{
    Address,
    served::{Served, standby},
};

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

    async fn explain(
        &self,
        _: Request<v1::ExplainRequest>,
    ) -> Result<Response<v1::ExplainResponse>, Status> {
        Err(Status::unimplemented("explain"))
    }
}

async fn serve(told: Told) -> Served {
    let service = JobServiceServer::new(Fake(told));
    Served::start(tonic::transport::Server::builder().add_service(service)).await
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
    let all = vec![line("one ", false), line("two three", true)];
    let leader = serve(all).await;
    let broken = vec![
        line("one ", false),
        line("two ", false),
        Err(standby(&leader.url())),
    ];
    let before = serve(broken).await;
    let seen = followed(&before.url()).await.expect("the next one leads");
    assert_eq!(String::from_utf8_lossy(&seen), "one two three");
}

#[tokio::test]
async fn a_refusal_ends_it() {
    let refused = vec![line("one", false), Err(Status::internal("unreadable"))];
    let server = serve(refused).await;
    let error = followed(&server.url()).await.expect_err("refused");
    assert!(matches!(error, CliError::Refused(_)), "{error}");
}
