//! What queues give to the tasks of their jobs.

use drover_model::Answer;
use drover_proto::{spec, v1};
use tonic::{Request, Response, Status};

use super::{jobs::unreadable, pages::namespace};
use crate::{error::ApiError, inbox::Wish, principal::Principal, server::Parts};

pub(crate) struct Queues {
    parts: Parts,
}

impl Queues {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts }
    }

    async fn set_queue(&self, request: v1::SetQueueRequest) -> Result<v1::Queue, ApiError> {
        let queue = request.queue.unwrap_or_default();
        let row = spec::check_queue(&queue).map_err(|mut violations| {
            for violation in &mut violations {
                violation.field = format!("queue.{}", violation.field);
            }
            ApiError::invalid(violations)
        })?;
        let queue = spec::queue(&row).map_err(|error| unreadable(&error))?;
        match self.parts.senders.ask(Wish::SetQueue(row)).await? {
            Answer::QueueSet => Ok(queue),
            _ => Err(ApiError::internal()),
        }
    }
}

#[tonic::async_trait]
impl v1::queue_service_server::QueueService for Queues {
    async fn list(
        &self,
        request: Request<v1::ListQueuesRequest>,
    ) -> Result<Response<v1::ListQueuesResponse>, Status> {
        Principal::of(&request)?;
        let namespace = namespace(&request.get_ref().namespace)?;
        let rows = self
            .parts
            .store
            .queues(namespace)
            .await
            .map_err(ApiError::from)?;
        let queues = rows
            .iter()
            .map(|row| spec::queue(row).map_err(|error| unreadable(&error)))
            .collect::<Result<_, _>>()?;
        Ok(Response::new(v1::ListQueuesResponse { queues }))
    }

    async fn set(
        &self,
        request: Request<v1::SetQueueRequest>,
    ) -> Result<Response<v1::Queue>, Status> {
        Principal::of(&request)?;
        let queue = self.set_queue(request.into_inner()).await?;
        Ok(Response::new(queue))
    }
}
