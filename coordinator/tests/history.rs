//! What happened, as it is exported.

mod support;

use drover_proto::{time, v1};
use support::{channel, execute, jobs, start, submit, submit_job, task};
use tempfile::tempdir;
use v1::{history_record::Record, trace_service_client::TraceServiceClient};

/// Its column is nonsense, as after an accident of the disk. Nobody hears of it but the log.
#[tokio::test]
async fn a_job_that_cannot_be_read_keeps_nobody_from_the_others() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let mut ids = Vec::new();
    for name in ["first", "broken", "last"] {
        ids.push(submit_job(&mut client, submit(name, vec![task("a", &[])])).await);
    }
    let nonsense = "PRAGMA ignore_check_constraints = 1; UPDATE jobs SET state = 'nonsense' WHERE name = 'broken'";
    execute(dir.path(), nonsense).await;

    let request = v1::ExportHistoryRequest {
        from_time: Some(time::from_model(drover_model::Timestamp(0))),
        ..Default::default()
    };
    let mut traces = TraceServiceClient::new(channel(&handle).await);
    let mut records = traces.export_history(request).await.unwrap().into_inner();
    let mut exported = Vec::new();
    while let Some(message) = records.message().await.unwrap() {
        if let Some(Record::Job(job)) = message.record {
            exported.push(job.id);
        }
    }
    assert_eq!(exported, [&*ids[0], &*ids[2]]);
    handle.shutdown().await.unwrap();
}
