//! How tasks are ordered.

use drover_model::{Answer, Question, policy};
use drover_proto::v1;
use tonic::{Request, Response, Status};

use crate::{
    error::ApiError,
    inbox::{Senders, Wish},
    principal::Principal,
};

pub(crate) struct Policies {
    senders: Senders,
}

impl Policies {
    pub(crate) fn new(senders: Senders) -> Self {
        Self { senders }
    }
}

#[tonic::async_trait]
impl v1::policy_service_server::PolicyService for Policies {
    async fn list(
        &self,
        request: Request<v1::ListPoliciesRequest>,
    ) -> Result<Response<v1::ListPoliciesResponse>, Status> {
        Principal::of(&request)?;
        let Answer::Policy(active) = self.senders.ask(Wish::Ask(Question::Policy)).await? else {
            return Err(ApiError::internal().into());
        };
        let policies = policy::all()
            .iter()
            .map(|policy| v1::Policy {
                name: policy.name().to_owned(),
                description: policy.description().to_owned(),
            })
            .collect();
        Ok(Response::new(v1::ListPoliciesResponse {
            policies,
            active: active.policy.to_string(),
            dispatch_mode: active.mode.to_string(),
            score_weights: active.weights.to_string(),
        }))
    }
}
