use bytes::Bytes;
use drover_coordinator::Handle;
use drover_proto::v1;
use tempfile::{TempDir, tempdir};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use v1::{
    agent_service_client::AgentServiceClient, replay_dead_letter_request::Deadline as NewDeadline,
};

use crate::support::{
    DeadLetters, FakeAgent, Jobs, channel, dead_letters, ended, jobs, join, start, submit,
    submit_job, task,
};

/// A coordinator with one agent.
pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) handle: Handle,
    pub(crate) jobs: Jobs,
    pub(crate) letters: DeadLetters,
    pub(crate) agent: FakeAgent,
}

impl World {
    pub(crate) async fn begin() -> Self {
        let directory = tempdir().unwrap();
        let handle = start(directory.path()).await;
        Self {
            jobs: jobs(&handle).await,
            letters: dead_letters(&handle).await,
            agent: FakeAgent::join(&handle, join("n1", 1_000)).await.unwrap(),
            handle,
            directory,
        }
    }

    /// Runs the next attempt, which must be of this step.
    pub(crate) async fn run(&mut self, step: u32, outcome: v1::Outcome) {
        let assign = self.agent.assignment().await;
        assert_eq!(assign.key.as_ref().unwrap().task, step);
        self.agent.finished(&assign, outcome).await;
    }

    /// Runs a job of two tasks of which the second fails.
    pub(crate) async fn dead_job(&mut self, name: &str) -> String {
        let request = submit(name, vec![task("a", &[]), task("b", &["a"])]);
        let id = submit_job(&mut self.jobs, request).await;
        self.run(0, v1::Outcome::Succeeded).await;
        self.run(1, v1::Outcome::Failed).await;
        let job = ended(&mut self.jobs, &id).await;
        assert_eq!(job.state(), v1::JobState::Failed);
        id
    }

    pub(crate) async fn list(&mut self) -> Vec<v1::DeadLetter> {
        let request = v1::ListDeadLettersRequest::default();
        let page = self.letters.list(request).await.unwrap();
        page.into_inner().dead_letters
    }

    pub(crate) async fn replay(
        &mut self,
        job_id: &str,
        from_failed: bool,
    ) -> Result<v1::SubmitResponse, tonic::Status> {
        let request = v1::ReplayDeadLetterRequest {
            job_id: job_id.to_owned(),
            from_failed,
            ..Default::default()
        };
        self.ask(request).await
    }

    pub(crate) async fn replay_until(
        &mut self,
        job_id: &str,
        deadline: NewDeadline,
    ) -> Result<v1::SubmitResponse, tonic::Status> {
        let request = v1::ReplayDeadLetterRequest {
            job_id: job_id.to_owned(),
            deadline: Some(deadline),
            ..Default::default()
        };
        self.ask(request).await
    }

    pub(crate) async fn ask(
        &mut self,
        request: v1::ReplayDeadLetterRequest,
    ) -> Result<v1::SubmitResponse, tonic::Status> {
        let answer = self.letters.replay(request).await;
        answer.map(tonic::Response::into_inner)
    }

    pub(crate) async fn purge(
        &mut self,
        purge: v1::PurgeDeadLettersRequest,
    ) -> Result<u64, tonic::Status> {
        let answer = self.letters.purge(purge).await;
        answer.map(|answer| answer.into_inner().purged)
    }
}

/// Writes this as all of an attempt's output.
pub(crate) async fn say(handle: &Handle, key: Option<v1::AttemptKey>, text: &[u8]) {
    let (chunks, messages) = mpsc::channel(1);
    let chunk = v1::LogChunk {
        key,
        stream: v1::LogStream::Stderr.into(),
        data: Bytes::from(zstd::bulk::compress(text, 1).unwrap()),
        end: true,
        sequence: 1,
        ..Default::default()
    };
    chunks.send(chunk).await.unwrap();
    let mut logs = AgentServiceClient::new(channel(handle).await);
    let acks = logs.logs(ReceiverStream::new(messages)).await.unwrap();
    assert_eq!(
        acks.into_inner().message().await.unwrap().unwrap().sequence,
        1
    );
}
