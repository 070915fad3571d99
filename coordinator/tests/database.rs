//! A database that is slow, locked, cut off, or kills connections: callers hear it, and the coordinator goes on by itself.

#[allow(dead_code, reason = "made for the store's tests")]
#[path = "store_conformance/databases.rs"]
mod databases;
#[allow(dead_code, reason = "made for the store's tests")]
#[path = "store_conformance/proxy.rs"]
mod proxy;
mod support;

use std::{path::Path, time::Duration};

use databases::{Database, on_postgres};
use drover_coordinator::{Coordinator, Handle, Options};
use drover_proto::v1;
use proxy::{Answers, Proxy};
use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection};
use support::{
    DiligentAgent, FakeAgent, Jobs, ended, jobs, join, options, soon, status, submit, submit_job,
    task,
};
use tempfile::tempdir;
use tonic::Code;

const LEASE: Duration = Duration::from_secs(1);

fn on(url: &str) -> Options {
    let mut options = options(Path::new("unused"));
    url.clone_into(&mut options.store);
    options
}

fn one() -> v1::SubmitRequest {
    submit("one", vec![task("a", &[])])
}

async fn accepted(client: &mut Jobs) -> String {
    soon("an accepted job", async {
        loop {
            match client.submit(one()).await {
                Ok(submitted) => return submitted.into_inner().job_id,
                Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status}"),
            }
        }
    })
    .await
}

/// Polls until the query gives a number.
async fn appears(connection: &mut PgConnection, query: &'static str) -> i32 {
    soon(query, async {
        loop {
            let found: Option<i32> = sqlx::query_scalar(query)
                .fetch_optional(&mut *connection)
                .await
                .unwrap();
            if let Some(found) = found {
                return found;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_connection_cut_after_the_commit_is_resolved_by_the_lease_row() {
    on_postgres(async |database: Database| {
        let proxy = Proxy::before(&database.url).await;
        let handle = Coordinator::start(on(&proxy.url)).await.unwrap();
        let _agent = DiligentAgent::start(&handle, "n1");
        let mut client = jobs(&handle).await;
        let first = submit_job(&mut client, one()).await;
        ended(&mut client, &first).await;
        proxy.set(Answers::Cut);
        let mut direct = database.postgres().await;
        let committed = "SELECT 1 FROM jobs HAVING count(*) = 2";
        let gone = "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM pg_stat_activity \
                    WHERE datname = current_database() AND pid <> pg_backend_pid() \
                    AND query LIKE '%commit_turn%')";
        let (id, ()) = tokio::join!(submit_job(&mut client, one()), async {
            appears(&mut direct, committed).await;
            appears(&mut direct, gone).await;
            proxy.set(Answers::Pass);
        });
        let job = ended(&mut client, &id).await;
        assert_eq!(job.state(), v1::JobState::Succeeded);
        let counters = status(&handle).await.counters;
        assert_eq!(counters["reloads"], 0, "{counters:?}");
        assert_eq!(counters["commits_sent_again"], 0, "{counters:?}");
        assert!(counters["unknown_commits"] >= 1, "{counters:?}");
    })
    .await;
}

#[tokio::test]
async fn a_backend_killed_in_a_commit_has_it_sent_again() {
    on_postgres(async |database: Database| {
        let handle = Coordinator::start(on(&database.url)).await.unwrap();
        let mut client = jobs(&handle).await;
        submit_job(&mut client, one()).await;
        let mut blocker = database.postgres().await;
        blocker
            .execute("BEGIN; SELECT 1 FROM lease FOR UPDATE")
            .await
            .unwrap();
        let mut killer = database.postgres().await;
        let waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() \
                       AND wait_event_type = 'Lock' AND query LIKE '%commit_turn%'";
        let (_, ()) = tokio::join!(submit_job(&mut client, one()), async {
            let pid = appears(&mut killer, waiting).await;
            sqlx::query("SELECT pg_terminate_backend($1)")
                .bind(pid)
                .execute(&mut killer)
                .await
                .unwrap();
            blocker.execute("ROLLBACK").await.unwrap();
        });
        let counters = status(&handle).await.counters;
        assert_eq!(counters["reloads"], 0, "{counters:?}");
        assert!(counters["commits_sent_again"] >= 1, "{counters:?}");
        let page = client.list(v1::ListJobsRequest::default()).await.unwrap();
        assert_eq!(page.into_inner().jobs.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_leader_whose_commits_are_never_answered_steps_down_and_comes_back() {
    on_postgres(async |database: Database| {
        let proxy = Proxy::before(&database.url).await;
        let mut short = on(&proxy.url);
        short.lease = LEASE;
        let handle = Coordinator::start(short).await.unwrap();
        let mut client = jobs(&handle).await;
        let mut agent = FakeAgent::join(&handle, join("n1", 1_000)).await.unwrap();
        proxy.set(Answers::Swallow);
        // It hears neither an assignment nor, after the lease, an acknowledgement.
        let (refused, is_closed) = tokio::join!(client.submit(one()), agent.is_closed());
        assert_eq!(refused.unwrap_err().code(), Code::Unavailable);
        assert!(is_closed);
        assert!(!handle.leads());
        proxy.set(Answers::Pass);
        let mut handle = handle;
        soon("leading again", handle.leading()).await.unwrap();
        let id = accepted(&mut client).await;
        let _agent = DiligentAgent::start(&handle, "n1");
        let job = ended(&mut client, &id).await;
        assert_eq!(job.state(), v1::JobState::Succeeded);
        assert!(status(&handle).await.counters["reloads"] >= 1);
    })
    .await;
}

#[tokio::test]
async fn a_standby_takes_over_from_a_leader_that_is_cut_off_from_the_database() {
    on_postgres(async |database: Database| {
        let proxy = Proxy::before(&database.url).await;
        let mut short = on(&proxy.url);
        short.lease = LEASE;
        let cut_off = Coordinator::start(short).await.unwrap();
        let mut direct = on(&database.url);
        direct.lease = LEASE;
        let mut standby = Coordinator::start(direct).await.unwrap();
        let mut agent = FakeAgent::join(&cut_off, join("n1", 1_000)).await.unwrap();
        proxy.set(Answers::Swallow);
        soon("a take-over", standby.leading()).await.unwrap();
        assert!(agent.is_closed().await);
        let mut client = jobs(&standby).await;
        let id = accepted(&mut client).await;
        let _agent = DiligentAgent::start(&standby, "n1");
        assert_eq!(
            ended(&mut client, &id).await.state(),
            v1::JobState::Succeeded
        );
        proxy.set(Answers::Pass);
        let leader = format!("http://{}", standby.address());
        soon("standing by", async {
            while status(&cut_off).await.leader_address != leader {}
        })
        .await;
        assert!(!cut_off.leads());
    })
    .await;
}

async fn locked(dir: &Path) -> SqliteConnection {
    let path = dir.join("drover.db");
    let mut connection = SqliteConnection::connect(&path.display().to_string())
        .await
        .unwrap();
    connection.execute("BEGIN IMMEDIATE").await.unwrap();
    connection
}

#[tokio::test]
async fn a_file_that_somebody_else_has_locked_for_long_is_waited_for() {
    let dir = tempdir().unwrap();
    let mut short = options(dir.path());
    short.lease = LEASE;
    let mut handle: Handle = Coordinator::start(short).await.unwrap();
    let mut client = jobs(&handle).await;
    let mut blocker = locked(dir.path()).await;
    let refused = soon("a refusal", client.submit(one())).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(!handle.leads());
    // Records can be read meanwhile, and what is refused is refused at once.
    let page = client.list(v1::ListJobsRequest::default()).await.unwrap();
    assert!(page.into_inner().jobs.is_empty());
    let refused = client.submit(one()).await.unwrap_err();
    assert_eq!(support::refusal(&refused).0, "NOT_LEADER");
    blocker.execute("ROLLBACK").await.unwrap();
    soon("leading again", handle.leading()).await.unwrap();
    let _agent = DiligentAgent::start(&handle, "n1");
    let id = accepted(&mut client).await;
    let job = ended(&mut client, &id).await;
    assert_eq!(job.state(), v1::JobState::Succeeded);
}
