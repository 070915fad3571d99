//! The hosts.

use drover_model::{Answer, NodeChange};
use drover_proto::{node, v1};
use tonic::{Request, Response, Status};

use super::speeds;
use crate::{
    error::{ApiError, Code},
    inbox::Wish,
    principal::Principal,
    server::Parts,
};

pub(crate) struct Nodes {
    parts: Parts,
}

impl Nodes {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts }
    }

    /// The node as it is afterwards.
    async fn change(
        &self,
        name: String,
        change: NodeChange,
    ) -> Result<Response<v1::Node>, ApiError> {
        let node = name.into();
        let wish = Wish::ChangeNode { node, change };
        match self.parts.senders.ask(wish).await? {
            Answer::NodeSet(view) => Ok(Response::new(node::node(*view))),
            Answer::Refused(refusal) => Err(refusal.into()),
            _ => Err(ApiError::internal()),
        }
    }
}

#[tonic::async_trait]
impl v1::node_service_server::NodeService for Nodes {
    async fn list(
        &self,
        request: Request<v1::ListNodesRequest>,
    ) -> Result<Response<v1::ListNodesResponse>, Status> {
        Principal::of(&request)?;
        let nodes = self
            .parts
            .senders
            .nodes()
            .await?
            .into_iter()
            .map(node::node)
            .collect();
        Ok(Response::new(v1::ListNodesResponse { nodes }))
    }

    async fn get(
        &self,
        request: Request<v1::GetNodeRequest>,
    ) -> Result<Response<v1::Node>, Status> {
        Principal::of(&request)?;
        let name = request.into_inner().name;
        let found = self
            .parts
            .senders
            .nodes()
            .await?
            .into_iter()
            .find(|view| *view.name == *name)
            .ok_or_else(|| {
                ApiError::new(Code::NodeNotFound, format!("there is no node {name:?}"))
            })?;
        Ok(Response::new(node::node(found)))
    }

    async fn resources(
        &self,
        request: Request<v1::GetResourcesRequest>,
    ) -> Result<Response<v1::GetResourcesResponse>, Status> {
        Principal::of(&request)?;
        let views = self.parts.senders.nodes().await?;
        Ok(Response::new(node::resources(&views)))
    }

    async fn evaluate_speeds(
        &self,
        request: Request<v1::EvaluateSpeedsRequest>,
    ) -> Result<Response<v1::EvaluateSpeedsResponse>, Status> {
        Principal::of(&request)?;
        let attempts = node::runs_to_evaluate(request.get_ref()).map_err(ApiError::invalid)?;
        let evaluation = speeds::evaluate(&self.parts.store, attempts).await?;
        Ok(Response::new(node::evaluation(&evaluation)))
    }

    async fn set(
        &self,
        request: Request<v1::SetNodeRequest>,
    ) -> Result<Response<v1::Node>, Status> {
        Principal::of(&request)?;
        let mut request = request.into_inner();
        let name = std::mem::take(&mut request.name);
        let change = node::set(request).map_err(ApiError::invalid)?;
        Ok(self.change(name, change).await?)
    }

    async fn cordon(
        &self,
        request: Request<v1::CordonNodeRequest>,
    ) -> Result<Response<v1::Node>, Status> {
        Principal::of(&request)?;
        let name = request.into_inner().name;
        Ok(self.change(name, NodeChange::Cordon).await?)
    }

    async fn uncordon(
        &self,
        request: Request<v1::UncordonNodeRequest>,
    ) -> Result<Response<v1::Node>, Status> {
        Principal::of(&request)?;
        let name = request.into_inner().name;
        Ok(self.change(name, NodeChange::Uncordon).await?)
    }

    async fn drain(
        &self,
        request: Request<v1::DrainNodeRequest>,
    ) -> Result<Response<v1::Node>, Status> {
        Principal::of(&request)?;
        let request = request.into_inner();
        let change = node::drain(&request).map_err(ApiError::invalid)?;
        Ok(self.change(request.name, change).await?)
    }
}
