//! The hosts.

use drover_model::{Answer, NodeView, Question};
use drover_proto::{node, v1};
use tonic::{Request, Response, Status};

use crate::{
    error::{ApiError, Code},
    inbox::{Senders, Wish},
    principal::Principal,
};

pub(crate) struct Nodes {
    senders: Senders,
}

impl Nodes {
    pub(crate) fn new(senders: Senders) -> Self {
        Self { senders }
    }

    async fn views(&self) -> Result<Vec<NodeView>, ApiError> {
        match self.senders.ask(Wish::Ask(Question::Nodes)).await? {
            Answer::Nodes(nodes) => Ok(nodes),
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
        let nodes = self.views().await?.into_iter().map(node::node).collect();
        Ok(Response::new(v1::ListNodesResponse { nodes }))
    }

    async fn get(
        &self,
        request: Request<v1::GetNodeRequest>,
    ) -> Result<Response<v1::Node>, Status> {
        Principal::of(&request)?;
        let name = request.into_inner().name;
        let found = self
            .views()
            .await?
            .into_iter()
            .find(|view| *view.name == *name)
            .ok_or_else(|| {
                ApiError::new(Code::NodeNotFound, format!("there is no node {name:?}"))
            })?;
        Ok(Response::new(node::node(found)))
    }
}
