//! Events that cannot be taken cost their own job only. Here the store refuses their rows, which is planted with triggers.

#[path = "poison/panics.rs"]
mod panics;
mod support;

use drover_coordinator::Handle;
use drover_proto::v1;
use support::{
    DiligentAgent, FakeAgent, dead_letters, execute, get, jobs, join, soon, start, status, submit,
    submit_job, task,
};
use tempfile::tempdir;
use tonic::Code;

fn one(name: &str) -> v1::SubmitRequest {
    submit(name, vec![task("a", &[])])
}

/// A rule that forbids something to the job with this name.
fn rule(what: &str, when: &str) -> String {
    format!(
        "CREATE TRIGGER poison BEFORE {what} WHEN {when} \
         BEGIN SELECT RAISE(ABORT, 'poison'); END"
    )
}

fn of_job(name: &str) -> String {
    format!("(SELECT name FROM jobs WHERE id = NEW.job_id) = '{name}'")
}

async fn parked(handle: &Handle, id: &str) -> v1::DeadLetter {
    let job = get(&mut jobs(handle).await, id).await;
    assert_eq!(job.state(), v1::JobState::Failed);
    let request = v1::GetDeadLetterRequest {
        job_id: id.to_owned(),
    };
    let letter = dead_letters(handle).await.get(request).await;
    let letter = letter.unwrap().into_inner();
    assert!(letter.reason.starts_with("parked: "), "{}", letter.reason);
    letter
}

async fn ends(handle: &Handle, id: &str) -> v1::JobState {
    soon("the end of a job", async {
        loop {
            let job = get(&mut jobs(handle).await, id).await;
            if job.end_time.is_some() {
                return job.state();
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test]
async fn a_job_whose_start_cannot_be_written_is_parked_and_others_go_on() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    execute(dir.path(), &rule("INSERT ON attempts", &of_job("poison"))).await;
    let mut client = jobs(&handle).await;
    let mut ids = Vec::new();
    for name in ["before", "poison", "after", "poison", "last"] {
        ids.push(submit_job(&mut client, one(name)).await);
    }
    let _agent = DiligentAgent::start(&handle, "n1");
    for (place, id) in ids.iter().enumerate() {
        let expected = if place % 2 == 1 {
            v1::JobState::Failed
        } else {
            v1::JobState::Succeeded
        };
        assert_eq!(ends(&handle, id).await, expected);
    }
    parked(&handle, &ids[1]).await;
    parked(&handle, &ids[3]).await;
    let counters = status(&handle).await.counters;
    assert_eq!(counters["parked_jobs"], 2);
    assert!(counters["poison_events"] >= 2, "{counters:?}");
    assert_eq!(counters["reloads"], counters["poison_events"]);
    assert_eq!(counters["leaderships"], counters["reloads"] + 1);
}

#[tokio::test]
async fn the_caller_at_fault_hears_internal_and_nobody_else() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    execute(
        dir.path(),
        &rule("INSERT ON jobs", "NEW.name = 'unwelcome'"),
    )
    .await;
    only_its_caller_hears(&handle, one("unwelcome")).await;
    let page = jobs(&handle)
        .await
        .list(v1::ListJobsRequest::default())
        .await
        .unwrap();
    assert_eq!(page.into_inner().jobs.len(), 1);
}

/// The caller of `poison` hears INTERNAL; others find a coordinator that works.
async fn only_its_caller_hears(handle: &Handle, poison: v1::SubmitRequest) {
    let mut client = jobs(handle).await;
    let code = soon("a refusal", async {
        loop {
            let refused = client.submit(poison.clone()).await.unwrap_err();
            if refused.code() != Code::Unavailable {
                return refused.code();
            }
        }
    })
    .await;
    assert_eq!(code, Code::Internal);
    let welcome = soon("a welcome job", async {
        loop {
            match client.submit(one("welcome")).await {
                Ok(submitted) => return submitted.into_inner().job_id,
                Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status}"),
            }
        }
    })
    .await;
    let _agent = DiligentAgent::start(handle, "n1");
    assert_eq!(ends(handle, &welcome).await, v1::JobState::Succeeded);
    assert_eq!(status(handle).await.counters["parked_jobs"], 0);
}

#[tokio::test]
async fn a_report_that_cannot_be_written_is_found_among_others_in_a_join() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let when = format!("NEW.state = 'succeeded' AND {}", of_job("poison"));
    execute(dir.path(), &rule("UPDATE ON attempts", &when)).await;
    let mut client = jobs(&handle).await;
    let mut agent = FakeAgent::join(&handle, join("n1", 4_000)).await.unwrap();
    let mut ids = Vec::new();
    let mut reports = Vec::new();
    for name in ["good", "poison", "better"] {
        ids.push(submit_job(&mut client, one(name)).await);
        let key = agent.assignment().await.key;
        let what = v1::Ended {
            started_at_ms: 1,
            ended_at_ms: 2,
            outcome: v1::Outcome::Succeeded.into(),
            ..Default::default()
        };
        reports.push(v1::Report {
            key,
            what: Some(v1::report::What::Ended(what)),
        });
    }
    drop(agent);
    let rejoin = v1::Join {
        reports: Some(v1::Reports {
            sequence: 3,
            reports,
        }),
        ..join("n1", 4_000)
    };
    soon("a welcome", async {
        while FakeAgent::join(&handle, rejoin.clone()).await.is_err() {}
    })
    .await;
    assert_eq!(ends(&handle, &ids[0]).await, v1::JobState::Succeeded);
    assert_eq!(ends(&handle, &ids[1]).await, v1::JobState::Failed);
    assert_eq!(ends(&handle, &ids[2]).await, v1::JobState::Succeeded);
    let letter = parked(&handle, &ids[1]).await;
    let attempts = &letter.job.unwrap().tasks[0].attempts;
    assert_eq!(attempts[0].state(), v1::AttemptState::Lost);
    assert_eq!(status(&handle).await.counters["parked_jobs"], 1);
}

/// One event, a new incarnation of an agent, is about two jobs.
async fn lost_together(forbidden: &str) -> (Handle, tempfile::TempDir, String, String) {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let when = format!("{forbidden} AND {}", of_job("poison"));
    execute(dir.path(), &rule("UPDATE ON attempts", &when)).await;
    let mut client = jobs(&handle).await;
    let mut agent = FakeAgent::join(&handle, join("n1", 4_000)).await.unwrap();
    let poison = submit_job(&mut client, one("poison")).await;
    agent.assignment().await;
    let good = submit_job(&mut client, one("good")).await;
    agent.assignment().await;
    drop(agent);
    let _other = DiligentAgent::start(&handle, "n2");
    let newer = v1::Join {
        incarnation: 2,
        ..join("n1", 1)
    };
    soon("a welcome", async {
        while FakeAgent::join(&handle, newer.clone()).await.is_err() {}
    })
    .await;
    assert_eq!(ends(&handle, &good).await, v1::JobState::Succeeded);
    (handle, dir, poison, good)
}

#[tokio::test]
async fn of_many_jobs_in_one_event_only_the_one_at_fault_is_parked() {
    let forbidden = "NEW.state = 'lost' AND NEW.retry_at IS NOT NULL";
    let (handle, _dir, poison, good) = lost_together(forbidden).await;
    parked(&handle, &poison).await;
    let attempts = &get(&mut jobs(&handle).await, &good).await.tasks[0].attempts;
    let states: Vec<_> = attempts.iter().map(v1::Attempt::state).collect();
    assert_eq!(
        states,
        [v1::AttemptState::Lost, v1::AttemptState::Succeeded]
    );
}

#[tokio::test]
async fn a_job_is_parked_even_when_its_attempts_cannot_be_written() {
    let (handle, _dir, poison, _good) = lost_together("NEW.state = 'lost'").await;
    let letter = parked(&handle, &poison).await;
    let attempts = &letter.job.unwrap().tasks[0].attempts;
    assert_eq!(attempts[0].state(), v1::AttemptState::Assigned);
    assert_eq!(status(&handle).await.open_jobs, 0);
}

#[tokio::test]
async fn a_record_that_cannot_be_loaded_is_parked() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    let mut client = jobs(&handle).await;
    let good = submit_job(&mut client, one("good")).await;
    let damaged = submit_job(&mut client, one("damaged")).await;
    let impossible = submit_job(&mut client, one("impossible")).await;
    handle.shutdown().await.unwrap();
    let hex = |id: &str| uuid::Uuid::parse_str(id).unwrap().simple().to_string();
    execute(
        dir.path(),
        "UPDATE jobs SET spec = X'FF' WHERE name = 'damaged'",
    )
    .await;
    // An attempt on a node that nobody has heard of.
    let attempt = format!(
        "INSERT INTO attempts (job_id, task, attempt, state, node, assigned_at, cost_per_hour_micros, power_milliwatts) \
         VALUES (X'{}', 0, 1, 'assigned', 'nowhere', 1, 0, 0)",
        hex(&impossible)
    );
    execute(dir.path(), &attempt).await;
    let handle = start(dir.path()).await;
    let _agent = DiligentAgent::start(&handle, "n1");
    assert_eq!(ends(&handle, &good).await, v1::JobState::Succeeded);
    assert_eq!(status(&handle).await.counters["parked_jobs"], 2);
    let letter = parked(&handle, &impossible).await;
    assert!(letter.reason.contains("cannot be loaded"), "{letter:?}");
    let damaged = v1::GetJobRequest { job_id: damaged };
    // Its spec cannot be shown; that it ended can.
    let shown = jobs(&handle).await.get(damaged).await.unwrap_err();
    assert_eq!(shown.code(), Code::Internal);
}

#[tokio::test]
async fn a_node_whose_join_cannot_be_written_is_kept_out() {
    let dir = tempdir().unwrap();
    let handle = start(dir.path()).await;
    execute(dir.path(), &rule("INSERT ON nodes", "NEW.name = 'bad'")).await;
    let mut client = jobs(&handle).await;
    let _bad = DiligentAgent::start(&handle, "bad");
    soon("a node kept out", async {
        while status(&handle).await.counters["poison_events"] == 0 {}
    })
    .await;
    let _good = DiligentAgent::start(&handle, "good");
    let id = soon("a submit", async {
        loop {
            if let Ok(submitted) = client.submit(one("any")).await {
                return submitted.into_inner().job_id;
            }
        }
    })
    .await;
    assert_eq!(ends(&handle, &id).await, v1::JobState::Succeeded);
    let refused = soon("a refusal", async {
        loop {
            let refused = FakeAgent::join(&handle, join("bad", 1)).await.err();
            if let Some(status) = refused.filter(|status| status.code() == Code::Internal) {
                return status;
            }
        }
    })
    .await;
    assert_eq!(refused.code(), Code::Internal);
    let before = status(&handle).await.counters["reloads"];
    assert!(before <= 3, "{before}");
}
