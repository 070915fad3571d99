//! What cannot be used is refused with the reason, and what is in use goes on.

use drover_coordinator::Handle;
use drover_proto::v1;
use tonic::{Code, Status};

use crate::{
    databases::{Database, on_sqlite},
    import,
    support::{policies, policy_history, refusal, start_on, status},
    use_policy,
    weights::{by_feature, shortest_first},
};

/// Nothing of it has left a trace.
async fn assert_untouched(handle: &Handle) {
    assert_eq!(status(handle).await.policy, "edf");
    assert_eq!(policy_history(handle).await, []);
}

#[tokio::test]
async fn weights_that_are_not_whole_are_not_stored() {
    on_sqlite(async |database: Database| {
        let handle = start_on(&database.url).await;
        let whole = shortest_first();
        let mut not_a_number = whole.clone();
        let end = not_a_number.len();
        not_a_number[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
        for (version, bytes, problem) in [
            ("", Vec::new(), "not a complete safetensors file"),
            (
                "",
                whole[..whole.len() - 1].to_vec(),
                "not a complete safetensors file",
            ),
            ("", not_a_number, "NaN"),
            ("", by_feature("mood", 1.0), "needs the feature `mood`"),
            ("", vec![0; (2 << 20) + 1], "at most 2097152 are allowed"),
            (
                "fifo",
                whole.clone(),
                "`fifo` is the name of a policy that is built in",
            ),
            ("two words", whole.clone(), "letters, digits"),
            ("longer-than-a-decision", whole.clone(), "may have 1 to 17"),
        ] {
            let refused = import(&handle, version, bytes).await.unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
            let field = match version {
                "fifo" | "longer-than-a-decision" => "version: ",
                _ => "weights: ",
            };
            assert!(refused.message().starts_with(field), "{refused}");
            assert!(refused.message().contains(problem), "{problem}: {refused}");
        }
        assert_untouched(&handle).await;
        handle.shutdown().await.unwrap();
    })
    .await;
}

fn assert_refused(refused: &Status, reason: &str, hint: &str) {
    assert_eq!(refusal(refused).0, reason, "{refused}");
    assert!(refused.message().contains(hint), "{hint}: {refused}");
}

#[tokio::test]
async fn what_there_is_not_cannot_be_used() {
    on_sqlite(async |database: Database| {
        let handle = start_on(&database.url).await;
        let mut client = policies(&handle).await;
        let unknown = use_policy(&handle, "fiffo").await.unwrap_err();
        assert_refused(&unknown, "POLICY_NOT_FOUND", "did you mean `fifo`?");
        let request = v1::RollbackPolicyRequest::default();
        let nothing = client.rollback(request).await.unwrap_err();
        assert_refused(&nothing, "NOTHING_BEFORE", "`drover policy use`");
        let request = v1::PromotePolicyRequest {
            version: "v1".to_owned(),
            ..Default::default()
        };
        let unknown = client.promote(request).await.unwrap_err();
        assert_refused(&unknown, "POLICY_NOT_FOUND", "`drover policy list`");
        assert_untouched(&handle).await;
        handle.shutdown().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_version_is_of_one_network_and_a_candidate_only_once() {
    on_sqlite(async |database: Database| {
        let handle = start_on(&database.url).await;
        import(&handle, "v1", shortest_first()).await.unwrap();
        let other = import(&handle, "v1", by_feature("log_estimate", -2.0)).await;
        assert_refused(
            &other.unwrap_err(),
            "POLICY_EXISTS",
            "taken by other weights",
        );
        use_policy(&handle, "v1").await.unwrap();
        use_policy(&handle, "saf").await.unwrap();
        let mut client = policies(&handle).await;
        let request = v1::PromotePolicyRequest {
            version: "v1".to_owned(),
            ..Default::default()
        };
        let retired = client.promote(request).await.unwrap_err();
        assert_refused(&retired, "NOT_CANDIDATE", "`drover policy use v1`");
        let request = v1::ExportPolicyRequest {
            version: "saf".to_owned(),
        };
        let rule = client.export(request).await.unwrap_err();
        assert_refused(&rule, "POLICY_IS_RULE", "has no weights");
        assert_eq!(status(&handle).await.policy, "saf");
        handle.shutdown().await.unwrap();
    })
    .await;
}
