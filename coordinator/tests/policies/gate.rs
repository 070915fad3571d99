//! Candidates at the gate.

use drover_coordinator::Handle;
use drover_proto::v1::{self, PolicyEventKind};
use tonic::Status;

use crate::{
    databases::{Database, on_sqlite},
    support::{policies, policy_history, refusal, start_on, status},
    use_policy,
    weights::{by_feature, shortest_first},
};

/// J of the candidate is lower by `gain` in every window.
fn windows(gain: f64) -> Vec<v1::WindowComparison> {
    let figures = |objective| v1::WindowFigures {
        objective,
        p99_slowdown: 20.0,
        miss_share: 0.1,
        longest_wait_s: 600.0,
    };
    let window = |number: u32| {
        let objective = 5.0 + f64::from(number % 5);
        v1::WindowComparison {
            candidate: Some(figures(objective - gain)),
            incumbent: Some(figures(objective)),
        }
    };
    (0..20).map(window).collect()
}

fn offer(version: &str, weights: Vec<u8>, gain: f64) -> v1::OfferCandidateRequest {
    v1::OfferCandidateRequest {
        weights: weights.into(),
        version: version.to_owned(),
        incumbent: "edf".to_owned(),
        windows: windows(gain),
        ..Default::default()
    }
}

async fn offered(
    handle: &Handle,
    request: v1::OfferCandidateRequest,
) -> Result<v1::OfferCandidateResponse, Status> {
    let answer = policies(handle).await.offer_candidate(request).await?;
    Ok(answer.into_inner())
}

#[tokio::test]
async fn a_better_candidate_is_promoted_and_a_worse_one_kept_with_the_reason() {
    on_sqlite(async |database: Database| {
        let handle = start_on(&database.url).await;
        let worse = offer("worse", by_feature("log_estimate", 1.0), -0.5);
        let refused = offered(&handle, worse).await.unwrap();
        assert!(!refused.promoted, "{refused:?}");
        assert_eq!(status(&handle).await.policy, "edf");
        let better = offered(&handle, offer("better", shortest_first(), 0.5))
            .await
            .unwrap();
        assert!(better.promoted, "{better:?}");
        assert_eq!(status(&handle).await.policy, "better");
        let history = policy_history(&handle).await;
        let told: Vec<_> = history
            .iter()
            .map(|event| (event.kind(), &*event.to_version))
            .collect();
        let expected = [
            (PolicyEventKind::Promote, "better"),
            (PolicyEventKind::Import, "better"),
            (PolicyEventKind::Refuse, "worse"),
        ];
        assert_eq!(told, expected);
        assert_eq!(
            (&*history[0].who, &history[0].why),
            ("gate", &better.reason)
        );
        assert_eq!(history[2].why, refused.reason);
        assert!(refused.reason.contains("below zero"), "{refused:?}");
        handle.shutdown().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn evidence_against_another_policy_does_not_count() {
    on_sqlite(async |database: Database| {
        let handle = start_on(&database.url).await;
        use_policy(&handle, "saf").await.unwrap();
        let stale = offered(&handle, offer("v1", shortest_first(), 0.5))
            .await
            .unwrap_err();
        assert_eq!(refusal(&stale).0, "POLICY_CHANGED", "{stale}");
        assert!(stale.message().contains("`saf` is in use"), "{stale}");
        let broken = offer("v1", vec![1, 2, 3], 0.5);
        let broken = offered(&handle, broken).await.unwrap_err();
        assert!(
            broken.message().starts_with("weights: not a complete"),
            "{broken}"
        );
        let few = v1::OfferCandidateRequest {
            windows: windows(0.5)[..3].to_vec(),
            ..offer("v1", shortest_first(), 0.5)
        };
        let few = offered(&handle, few).await.unwrap_err();
        assert!(few.message().contains("10 to 10000"), "{few}");
        assert_eq!(policy_history(&handle).await.len(), 1);
        assert_eq!(status(&handle).await.policy, "saf");
        handle.shutdown().await.unwrap();
    })
    .await;
}
