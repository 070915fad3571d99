//! Another policy while everything goes on, and the registry of policies.

#[path = "policies/breaker.rs"]
mod breaker;
#[allow(dead_code, reason = "made for the store's tests")]
#[path = "store_conformance/databases.rs"]
mod databases;
#[path = "policies/gate.rs"]
mod gate;
#[path = "policies/guard.rs"]
mod guard;
#[path = "policies/refusals.rs"]
mod refusals;
mod support;
#[path = "policies/weights.rs"]
mod weights;

use databases::{Database, on_postgres, on_sqlite};
use drover_coordinator::Handle;
use drover_proto::v1;
use support::{
    DiligentAgent, ended, jobs, policies, policy_history, start_on, status, submit, submit_job,
    task,
};
use tonic::Status;
use weights::shortest_first;

async fn use_policy(handle: &Handle, policy: &str) -> Result<v1::UsePolicyResponse, Status> {
    let request = v1::UsePolicyRequest {
        policy: policy.to_owned(),
        reason: "a test".to_owned(),
    };
    let answer = policies(handle).await.r#use(request).await?;
    Ok(answer.into_inner())
}

async fn import(handle: &Handle, version: &str, weights: Vec<u8>) -> Result<(), Status> {
    let request = v1::ImportPolicyRequest {
        weights: weights.into(),
        version: version.to_owned(),
        origin: Some(v1::PolicyOrigin {
            seed: Some(7),
            note: "made for a test".to_owned(),
            ..Default::default()
        }),
    };
    policies(handle).await.import(request).await?;
    Ok(())
}

/// Which policy has decided the last attempt of a job's first task.
async fn decided_by(handle: &Handle, job: &str) -> String {
    let request = v1::ExplainRequest {
        job_id: job.to_owned(),
        ..Default::default()
    };
    let answer = jobs(handle).await.explain(request).await.unwrap();
    answer.into_inner().decision.expect("it was decided").policy
}

/// What waits is started by the new policy, after a restart too.
async fn a_switch_loses_nothing_and_survives(database: Database) {
    let handle = start_on(&database.url).await;
    let mut client = jobs(&handle).await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let request = submit(
            &format!("job {number}"),
            vec![task("a", &[]), task("b", &["a"])],
        );
        ids.push(submit_job(&mut client, request).await);
    }
    import(&handle, "short-1", shortest_first()).await.unwrap();
    let answer = use_policy(&handle, "short-1").await.unwrap();
    assert_eq!((&*answer.active, &*answer.before), ("short-1", "edf"));
    assert_eq!(status(&handle).await.policy, "short-1");
    handle.shutdown().await.unwrap();

    let again = start_on(&database.url).await;
    assert_eq!(status(&again).await.policy, "short-1");
    let _agent = DiligentAgent::start(&again, "n1");
    let mut client = jobs(&again).await;
    for id in &ids {
        let job = ended(&mut client, id).await;
        assert_eq!(job.state(), v1::JobState::Succeeded);
        assert_eq!(decided_by(&again, id).await, "short-1");
    }
    let later = submit_job(&mut client, submit("later", vec![task("a", &[])])).await;
    ended(&mut client, &later).await;
    use_policy(&again, "weighted:-1").await.unwrap();
    let last = submit_job(&mut client, submit("last", vec![task("a", &[])])).await;
    ended(&mut client, &last).await;
    assert_eq!(decided_by(&again, &later).await, "short-1");
    assert_eq!(decided_by(&again, &last).await, "weighted:-1");
    again.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_switch_loses_nothing_on_sqlite() {
    on_sqlite(a_switch_loses_nothing_and_survives).await;
}

#[tokio::test]
async fn a_switch_loses_nothing_on_postgres() {
    on_postgres(a_switch_loses_nothing_and_survives).await;
}

/// Version and state of what is stored.
async fn stored(handle: &Handle) -> Vec<(String, v1::PolicyState)> {
    let request = v1::ListPoliciesRequest {};
    let list = policies(handle).await.list(request).await.unwrap();
    let versions = list.into_inner().versions;
    let mut stored: Vec<_> = versions
        .into_iter()
        .map(|version| (version.version.clone(), version.state()))
        .collect();
    stored.sort();
    stored
}

#[tokio::test]
async fn a_candidate_is_promoted_and_rolled_back() {
    use v1::{PolicyEventKind as Kind, PolicyState as State};
    on_sqlite(async |database: Database| {
        let handle = start_on(&database.url).await;
        import(&handle, "short-1", shortest_first()).await.unwrap();
        assert_eq!(
            stored(&handle).await,
            [("short-1".to_owned(), State::Candidate)]
        );
        assert_eq!(status(&handle).await.policy, "edf");
        use_policy(&handle, "fifo").await.unwrap();
        let mut client = policies(&handle).await;
        let promote = v1::PromotePolicyRequest {
            version: "short-1".to_owned(),
            reason: "better".to_owned(),
        };
        client.promote(promote).await.unwrap();
        let live = [
            ("fifo".to_owned(), State::Retired),
            ("short-1".to_owned(), State::Live),
        ];
        assert_eq!(stored(&handle).await, live);
        for expected in ["fifo", "edf"] {
            let request = v1::RollbackPolicyRequest::default();
            let answer = client.rollback(request).await.unwrap().into_inner();
            assert_eq!(answer.active, expected);
        }
        let history = policy_history(&handle).await;
        let told: Vec<_> = history
            .iter()
            .rev()
            .map(|event| (event.kind(), &*event.from_version, &*event.to_version))
            .collect();
        let expected = [
            (Kind::Import, "", "short-1"),
            (Kind::Use, "edf", "fifo"),
            (Kind::Promote, "fifo", "short-1"),
            (Kind::RollBack, "short-1", "fifo"),
            (Kind::RollBack, "fifo", "edf"),
        ];
        assert_eq!(told, expected);
        assert_eq!(history[2].why, "better");
        assert_eq!(history[2].who, "admin at 127.0.0.1");
        handle.shutdown().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn weights_come_out_as_they_went_in() {
    on_sqlite(async |database: Database| {
        let handle = start_on(&database.url).await;
        import(&handle, "", shortest_first()).await.unwrap();
        // The same again is no error.
        import(&handle, "", shortest_first()).await.unwrap();
        let request = v1::ExportPolicyRequest {
            version: "shortest".to_owned(),
        };
        let exported = policies(&handle).await.export(request).await.unwrap();
        assert_eq!(exported.into_inner().weights, shortest_first());
        assert_eq!(policy_history(&handle).await.len(), 1);
        handle.shutdown().await.unwrap();
    })
    .await;
}

/// What a learner has to know to make weights that are accepted, and to simulate what this coordinator does.
#[tokio::test]
async fn the_list_tells_what_is_observed_and_how_is_dispatched() {
    on_sqlite(async |database: Database| {
        let handle = start_on(&database.url).await;
        let mut client = policies(&handle).await;
        let listed = client.list(v1::ListPoliciesRequest {}).await;
        let listed = listed.unwrap().into_inner();
        for feature in ["log_estimate", "pressure/index_short"] {
            assert!(listed.features.iter().any(|it| it == feature), "{feature}");
        }
        let age_cap = listed.age_cap.map(|cap| cap.seconds);
        assert_eq!(age_cap, Some(24 * 3_600));
        assert_eq!(listed.backfill_order, "", "it is that of the policy");
        handle.shutdown().await.unwrap();
    })
    .await;
}
