//! A policy that does harm is given up.

use std::{collections::BTreeMap, time::Duration};

use drover_coordinator::{Coordinator, Handle, Options};
use drover_model::policy;
use drover_proto::{time, v1};

use crate::{
    databases::{Database, on_sqlite},
    import,
    support::{FakeAgent, Jobs, jobs, join, policy_history, soon, status, submit, task},
    use_policy,
    weights::by_feature,
};

const LONG_MS: u64 = 400;
const SHORT_MS: u64 = 5;
/// Most of the short ones can meet it if the long one does not go first.
const DEADLINE_MS: u64 = 250;
const AT_ONCE: usize = 8;

async fn start(url: &str) -> Handle {
    let options = Options {
        fallback: policy::find("sjf").expect("a rule"),
        guard_interval: Duration::from_millis(50),
        guard_jobs: AT_ONCE as u32,
        ..Options::new("127.0.0.1:0".parse().expect("an address"), url)
    };
    Coordinator::start(options).await.expect("a coordinator")
}

fn job(runs_ms: u64) -> v1::SubmitRequest {
    let only = v1::TaskSpec {
        run: Some(v1::task_spec::Run::Simulate(v1::Simulate {
            duration: Some(time::duration(runs_ms)),
            failure_chance: 0.0,
        })),
        resources: Some(v1::Resources {
            cpu_millis: 1_000,
            ..Default::default()
        }),
        ..task("only", &[])
    };
    let mut request = submit("job", vec![only]);
    if runs_ms == SHORT_MS {
        let after = time::duration(DEADLINE_MS);
        let spec = request.spec.as_mut().expect("a spec");
        spec.deadline = Some(v1::job_spec::Deadline::DeadlineAfter(after));
    }
    request
}

/// One long job and short ones, all at once, on one processor.
async fn burst(client: &mut Jobs, agent: &mut FakeAgent) {
    let lengths = [LONG_MS].into_iter().chain([SHORT_MS; AT_ONCE - 1]);
    let requests = lengths.clone().map(job).collect();
    let batch = v1::SubmitBatchRequest { requests };
    let submitted = client
        .submit_batch(batch)
        .await
        .expect("accepted")
        .into_inner();
    let ids = submitted
        .responses
        .into_iter()
        .map(|response| response.job_id);
    let lengths: BTreeMap<String, u64> = ids.zip(lengths).collect();
    for _ in 0..AT_ONCE {
        let assign = agent.assignment().await;
        agent.started(&assign).await;
        let key = assign.key.as_ref().expect("a key");
        let id = uuid::Uuid::from_slice(&key.job_id).expect("16 bytes");
        let takes = Duration::from_millis(lengths[&id.to_string()]);
        // It runs: what an agent says of a time to come is not believed.
        tokio::time::sleep(takes).await;
        agent
            .finished_at(&assign, v1::Outcome::Succeeded, i64::MAX)
            .await;
    }
}

#[tokio::test]
async fn harm_is_ended_and_the_history_says_why() {
    on_sqlite(async |database: Database| {
        let handle = start(&database.url).await;
        let longest_first = by_feature("log_estimate", 1.0);
        import(&handle, "sabotage", longest_first).await.unwrap();
        use_policy(&handle, "sabotage").await.unwrap();
        let mut client = jobs(&handle).await;
        let mut agent = FakeAgent::join(&handle, join("n1", 1_000)).await.unwrap();
        soon("the end of a policy that does harm", async {
            while status(&handle).await.policy == "sabotage" {
                burst(&mut client, &mut agent).await;
            }
        })
        .await;
        assert_eq!(status(&handle).await.policy, "sjf");
        let history = policy_history(&handle).await;
        assert_eq!(history[0].kind(), v1::PolicyEventKind::FallBack);
        assert_eq!(
            (&*history[0].who, &*history[0].from_version),
            ("guard", "sabotage")
        );
        let why = &history[0].why;
        assert!(why.contains("times what `sjf` would have given"), "{why}");
        handle.shutdown().await.unwrap();
    })
    .await;
}

/// The same load under a rule that is not worse.
#[tokio::test]
async fn what_does_no_harm_stays() {
    on_sqlite(async |database: Database| {
        let handle = start(&database.url).await;
        use_policy(&handle, "saf").await.unwrap();
        let mut client = jobs(&handle).await;
        let mut agent = FakeAgent::join(&handle, join("n1", 1_000)).await.unwrap();
        // The first is load only; nine would be enough for harm.
        soon("the guard to judge", async {
            while status(&handle).await.counters["guard_blocks"] < 11 {
                burst(&mut client, &mut agent).await;
            }
        })
        .await;
        assert_eq!(status(&handle).await.policy, "saf");
        assert_eq!(policy_history(&handle).await.len(), 1);
        handle.shutdown().await.unwrap();
    })
    .await;
}
