//! The coordinator itself.

use drover_model::{Answer, Question, StatusView, cluster::Counters};
use drover_proto::{status, v1};
use tonic::{Request, Response, Status};

use crate::{inbox::Wish, policies, principal::Principal, server::Parts};

pub(crate) struct Cluster {
    parts: Parts,
}

impl Cluster {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts }
    }

    /// What the model knows, if this coordinator leads.
    async fn view(&self) -> Option<StatusView> {
        match self.parts.senders.ask(Wish::Ask(Question::Status)).await {
            Ok(Answer::Status(view)) => Some(view),
            _ => None,
        }
    }
}

#[tonic::async_trait]
impl v1::cluster_service_server::ClusterService for Cluster {
    async fn get_status(
        &self,
        request: Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::Status>, Status> {
        Principal::of(&request)?;
        let view = self.view().await;
        let policy = policies::in_use(&self.parts.senders).await.ok();
        let standing = self.parts.standing().borrow().clone();
        let live = view.map_or_else(Counters::default, |view| view.counters);
        Ok(Response::new(v1::Status {
            leading: standing.leads,
            epoch: standing.epoch.0,
            leader_address: standing.leader.as_deref().unwrap_or_default().to_owned(),
            counters: self.parts.tally.read(live),
            policy: policy
                .map(|view| view.policy.to_string())
                .unwrap_or_default(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..view.map_or_else(v1::Status::default, |view| status::status(&view))
        }))
    }
}
