//! A disk without room, under SQLite.

use drover_proto::v1::{JobSpec, SubmitRequest};
use drover_tests::{Database, Load, Settings, SmallDisk, chain, deed, job, simulated, until};
use tonic::Code;

fn two_steps(name: &str) -> JobSpec {
    chain(name, vec![deed("a"), simulated("b", 10)])
}

#[tokio::test]
async fn a_full_disk_costs_nothing_but_time() {
    let Some(disk) = SmallDisk::of_mib(24) else {
        return;
    };
    let database = Database::sqlite(disk.path());
    let mut cluster = Settings::agents(2).fast().on(database).await;
    let load = Load::start(&cluster, 3, two_steps);
    load.goes_on(20).await;
    disk.fill();
    let mut jobs = cluster.jobs().await;
    let request = SubmitRequest {
        spec: Some(job("caller", vec![simulated("t", 1)])),
        request_id: "caller".to_owned(),
    };
    let mut submitted = std::collections::BTreeSet::new();
    until("a submit to be refused", async || {
        match jobs.submit(request.clone()).await {
            // What was in the log of the database already had room there.
            Ok(answer) => {
                submitted.insert(answer.into_inner().job_id);
                None
            }
            Err(status) => {
                assert_eq!(status.code(), Code::Unavailable, "{status:?}");
                Some(())
            }
        }
    })
    .await;
    let at_most = load.accepted();
    disk.free();
    let waited = load.goes_on(20).await;
    eprintln!("{at_most} jobs fitted; jobs are accepted again {waited:?} after there was room");
    assert_eq!(cluster.coordinator().try_wait(), None, "the same process");
    let answer = jobs.submit(request).await.expect("accepted").into_inner();
    submitted.insert(answer.job_id);
    submitted.append(&mut load.stop().await);
    let counters = cluster.status().await.counters;
    assert!(counters["unknown_commits"] >= 1, "{counters:?}");
    cluster.audit_deeds(&submitted).await;
}
