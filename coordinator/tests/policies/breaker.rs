//! A policy that takes too long is given up.

use std::time::Duration;

use drover_coordinator::{Coordinator, Options};
use drover_model::policy;
use drover_proto::v1;

use crate::{
    databases::{Database, on_sqlite},
    support::{jobs, policy_history, status, submit, submit_job, task},
};

/// A job whose task fits into no other's place, so that there is a round for it.
fn unlike_others(number: u64) -> v1::SubmitRequest {
    let only = v1::TaskSpec {
        resources: Some(v1::Resources {
            cpu_millis: number,
            ..Default::default()
        }),
        ..task("only", &[])
    };
    submit("job", vec![only])
}

#[tokio::test]
async fn rounds_over_budget_trip_the_breaker() {
    on_sqlite(async |database: Database| {
        let options = Options {
            policy: policy::find("saf").expect("a rule"),
            fallback: policy::find("fifo").expect("a rule"),
            // Whatever a round does takes longer.
            decision_budget: Duration::ZERO,
            ..Options::new("127.0.0.1:0".parse().expect("an address"), &database.url)
        };
        let handle = Coordinator::start(options).await.expect("a coordinator");
        let mut client = jobs(&handle).await;
        for number in 1..=40 {
            submit_job(&mut client, unlike_others(number)).await;
        }
        let status = status(&handle).await;
        assert_eq!(status.policy, "fifo");
        assert_eq!(status.counters["policy_fallbacks"], 1);
        assert_eq!(status.queued_tasks, 40, "nothing is lost");
        let history = policy_history(&handle).await;
        assert_eq!(history.len(), 1);
        assert_eq!(history[0].kind(), v1::PolicyEventKind::FallBack);
        assert_eq!(
            (&*history[0].from_version, &*history[0].who),
            ("saf", "breaker")
        );
        assert!(
            history[0].why.contains("took longer than 0ns"),
            "{history:?}"
        );
        handle.shutdown().await.unwrap();
    })
    .await;
}
