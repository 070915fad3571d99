//! How tasks are ordered, and the registry of policies.

mod import;
mod list;
mod offer;
mod switch;
mod wire;

use drover_model::PolicySwitch;
use drover_proto::v1;
use tonic::{Request, Response, Status};

use super::pages::refuse_nul;
use crate::{
    error::{ApiError, Code},
    principal::Principal,
    server::Parts,
};

/// Of words for the history and the registry.
const MAX_WORDS_BYTES: usize = 4_096;

pub(crate) struct Policies {
    parts: Parts,
}

impl Policies {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts }
    }
}

fn check_words(field: &str, words: &str) -> Result<(), ApiError> {
    refuse_nul(field, words)?;
    if words.len() > MAX_WORDS_BYTES {
        return Err(ApiError::invalid_field(
            field,
            format!(
                "has {} bytes, and at most {MAX_WORDS_BYTES} are allowed",
                words.len()
            ),
        ));
    }
    Ok(())
}

fn not_found(version: &str) -> ApiError {
    let message =
        format!("no policy `{version}` is stored; `drover policy list` shows which there are");
    ApiError::new(Code::PolicyNotFound, message)
}

#[tonic::async_trait]
impl v1::policy_service_server::PolicyService for Policies {
    async fn list(
        &self,
        request: Request<v1::ListPoliciesRequest>,
    ) -> Result<Response<v1::ListPoliciesResponse>, Status> {
        Principal::of(&request)?;
        Ok(Response::new(list::list(&self.parts).await?))
    }

    async fn get(
        &self,
        request: Request<v1::GetPolicyRequest>,
    ) -> Result<Response<v1::PolicyVersion>, Status> {
        Principal::of(&request)?;
        let (entry, _) = list::find(&self.parts, &request.get_ref().version).await?;
        Ok(Response::new(wire::version(entry)))
    }

    async fn r#use(
        &self,
        request: Request<v1::UsePolicyRequest>,
    ) -> Result<Response<v1::UsePolicyResponse>, Status> {
        let who = Principal::of(&request)?;
        let request = request.into_inner();
        let switch = switch::to_use(&self.parts, &request.policy, request.reason).await?;
        Ok(Response::new(self.switch(switch, who).await?))
    }

    async fn promote(
        &self,
        request: Request<v1::PromotePolicyRequest>,
    ) -> Result<Response<v1::UsePolicyResponse>, Status> {
        let who = Principal::of(&request)?;
        let request = request.into_inner();
        let switch = switch::to_promote(&self.parts, &request.version, request.reason).await?;
        Ok(Response::new(self.switch(switch, who).await?))
    }

    async fn rollback(
        &self,
        request: Request<v1::RollbackPolicyRequest>,
    ) -> Result<Response<v1::UsePolicyResponse>, Status> {
        let who = Principal::of(&request)?;
        let switch = switch::to_roll_back(&self.parts, request.into_inner().reason).await?;
        Ok(Response::new(self.switch(switch, who).await?))
    }

    async fn import(
        &self,
        request: Request<v1::ImportPolicyRequest>,
    ) -> Result<Response<v1::PolicyVersion>, Status> {
        let who = Principal::of(&request)?;
        let entry = import::import(&self.parts, request.into_inner(), who).await?;
        Ok(Response::new(wire::version(entry)))
    }

    async fn export(
        &self,
        request: Request<v1::ExportPolicyRequest>,
    ) -> Result<Response<v1::ExportPolicyResponse>, Status> {
        Principal::of(&request)?;
        let version = &request.get_ref().version;
        let (_, source) = list::find(&self.parts, version).await?;
        let weights = source.weights.ok_or_else(|| {
            let message = format!("`{version}` is a rule, which has no weights");
            ApiError::new(Code::PolicyIsRule, message)
        })?;
        Ok(Response::new(v1::ExportPolicyResponse { weights }))
    }

    async fn offer_candidate(
        &self,
        request: Request<v1::OfferCandidateRequest>,
    ) -> Result<Response<v1::OfferCandidateResponse>, Status> {
        let who = Principal::of(&request)?;
        let answer = offer::offer(&self.parts, request.into_inner(), who).await?;
        Ok(Response::new(answer))
    }

    async fn history(
        &self,
        request: Request<v1::PolicyHistoryRequest>,
    ) -> Result<Response<v1::PolicyHistoryResponse>, Status> {
        Principal::of(&request)?;
        let page = list::history(&self.parts, request.get_ref()).await?;
        Ok(Response::new(page))
    }
}

impl Policies {
    async fn switch(
        &self,
        switch: PolicySwitch,
        who: Principal,
    ) -> Result<v1::UsePolicyResponse, ApiError> {
        let switch = PolicySwitch {
            who: who.to_string().into(),
            ..switch
        };
        let active = switch.policy.version.to_string();
        let before = crate::policies::switch(&self.parts.senders, switch).await?;
        Ok(v1::UsePolicyResponse {
            active,
            before: before.to_string(),
        })
    }
}
