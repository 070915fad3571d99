//! What waiting tasks cost the coordinator in memory: resident set before and after they were submitted, from outside.

use drover_proto::v1::{
    Command, JobSpec, SubmitBatchRequest, SubmitRequest, TaskSpec,
    job_service_client::JobServiceClient, task_spec,
};
use serde::Serialize;

use super::{
    error::BenchError,
    load::NAMESPACE,
    processes::Cluster,
    session::{Session, SessionArgs},
};
use crate::error::CliError;

/// Jobs of one call; with what each holds a message stays well under the limit.
const JOBS_PER_CALL: u64 = 500;
const ARGUMENT_BYTES: usize = 200;
const VARIABLES: u64 = 5;

#[derive(Debug, Serialize)]
pub(super) struct Memory {
    /// Commands with 200 bytes of arguments and five variables, all different, that wait.
    queued_tasks: u64,
    /// Resident set of the coordinator, in bytes.
    before: u64,
    after: u64,
}

impl Memory {
    pub(super) fn sentence(&self) -> String {
        let added = self.after.saturating_sub(self.before);
        format!(
            "{} queued commands add {:.1} MB to the coordinator ({:.1} to {:.1} MB): {} bytes a task",
            self.queued_tasks,
            megabytes(added),
            megabytes(self.before),
            megabytes(self.after),
            added / self.queued_tasks.max(1),
        )
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Queues `tasks` commands in a coordinator of its own, on a temporary SQLite file and without agents.
pub(super) async fn measure(tasks: u64) -> Result<Memory, CliError> {
    let args = SessionArgs {
        store: None,
        agents: 0,
        cpu: 1,
        policy: None,
    };
    let mut session = Session::open(&args).await?;
    let measured = session
        .unless_interrupted(async |work| {
            let before = work.cluster.coordinator_memory()?;
            submit(work.cluster, tasks).await?;
            Ok(Memory {
                queued_tasks: tasks,
                before,
                after: work.cluster.coordinator_memory()?,
            })
        })
        .await;
    session.close().await;
    Ok(measured?)
}

async fn submit(cluster: &Cluster, tasks: u64) -> Result<(), BenchError> {
    let mut jobs = JobServiceClient::new(cluster.connect().await?);
    for first in (0..tasks).step_by(JOBS_PER_CALL as usize) {
        let requests = (first..tasks.min(first + JOBS_PER_CALL))
            .map(request)
            .collect();
        jobs.submit_batch(SubmitBatchRequest { requests })
            .await
            .map_err(BenchError::refused("SubmitBatch"))?;
    }
    Ok(())
}

fn request(number: u64) -> SubmitRequest {
    let argument = format!("{number:0>ARGUMENT_BYTES$}");
    let env = (0..VARIABLES)
        .map(|variable| {
            (
                format!("VARIABLE_{variable}"),
                format!("value {number}").into(),
            )
        })
        .collect();
    let command = Command {
        argv: vec!["process-one-file".into(), argument.into()],
        env,
        ..Command::default()
    };
    let task = TaskSpec {
        name: "only".to_owned(),
        run: Some(task_spec::Run::Command(command)),
        ..TaskSpec::default()
    };
    SubmitRequest {
        spec: Some(JobSpec {
            name: "bench".to_owned(),
            namespace: NAMESPACE.to_owned(),
            tasks: vec![task],
            ..JobSpec::default()
        }),
        request_id: String::new(),
    }
}
