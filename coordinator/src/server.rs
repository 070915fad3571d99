//! The gRPC server: its services, limits and connections.

use std::{sync::Arc, time::Duration};

use drover_model::JobId;
use drover_proto::{FILE_DESCRIPTOR_SET, v1};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{
    service::InterceptorLayer,
    transport::{Server, server::TcpIncoming},
};
use tonic_health::{ServingStatus, server::HealthReporter};
use tower::util::MapResponseLayer;
use v1::{
    agent_service_server::AgentServiceServer, cluster_service_server::ClusterServiceServer,
    dead_letter_service_server::DeadLetterServiceServer, job_service_server::JobServiceServer,
    node_service_server::NodeServiceServer, policy_service_server::PolicyServiceServer,
    queue_service_server::QueueServiceServer, trace_service_server::TraceServiceServer,
};

use crate::{
    Options,
    driver::LeaseTerm,
    error::{ApiError, CoordinatorError},
    grpc,
    inbox::Senders,
    logs::Logs,
    principal,
    standing::Standing,
    store::Store,
    submit::Submitter,
    tally::Tally,
    watch::{Watch, WatchHub},
};

pub(crate) const TCP_KEEPALIVE: Duration = Duration::from_secs(30);
/// Many small messages per stream: windows far above the default of 64 KiB keep flow control out of their way.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;
const MAX_STREAMS: u32 = 4_096;
const HTTP2_KEEPALIVE: Duration = Duration::from_secs(10);
/// After shutdown, open streams get this long.
const DRAIN: Duration = Duration::from_millis(500);

/// What handlers work with.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) options: Arc<Options>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) senders: Senders,
    pub(crate) submitter: Submitter,
    pub(crate) watches: Arc<WatchHub>,
    pub(crate) logs: Logs,
    pub(crate) lease: Arc<LeaseTerm>,
    pub(crate) tally: Arc<Tally>,
}

impl Parts {
    /// Follows a job's changes. Refused on a standby, which hears of none. Registered before it looks whether this
    /// coordinator leads, so that one that stops leading in between is sure to close the watch.
    pub(crate) fn watch(&self, job: JobId) -> Result<Watch, ApiError> {
        let watch = self.watches.watch(job);
        self.senders.require_leader()?;
        Ok(watch)
    }

    pub(crate) fn standing(&self) -> watch::Receiver<Standing> {
        self.senders.standing.clone()
    }
}

/// Serves until `ended`.
pub(crate) async fn serve(
    parts: Parts,
    incoming: TcpIncoming,
    ended: CancellationToken,
) -> Result<(), CoordinatorError> {
    let insecure = parts.options.insecure_no_auth;
    let limit = parts.options.max_message_bytes;
    let (reporter, health) = tonic_health::server::health_reporter();
    // Before the first connection: by itself the library says that all is well.
    set_health(&reporter, false).await;
    let reporting = tokio::spawn(report_health(reporter, parts.standing()));
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .expect("the descriptors were made by the build");
    let server = Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(MAX_STREAMS)
        .http2_keepalive_interval(Some(HTTP2_KEEPALIVE))
        .layer(InterceptorLayer::new(move |request| {
            principal::identify(request, insecure)
        }))
        .layer(MapResponseLayer::new(grpc::too_large::explain))
        .add_service(health)
        .add_service(reflection)
        .add_service(
            JobServiceServer::new(grpc::Jobs::new(parts.clone()))
                .max_decoding_message_size(limit)
                // A job of many tasks with their attempts is larger than the request that made it.
                .max_encoding_message_size(usize::MAX),
        )
        .add_service(NodeServiceServer::new(grpc::Nodes::new(parts.clone())))
        .add_service(
            PolicyServiceServer::new(grpc::Policies::new(parts.clone()))
                .max_decoding_message_size(limit),
        )
        .add_service(
            QueueServiceServer::new(grpc::Queues::new(parts.clone()))
                .max_decoding_message_size(limit),
        )
        .add_service(
            DeadLetterServiceServer::new(grpc::DeadLetters::new(parts.clone()))
                .max_decoding_message_size(limit)
                .max_encoding_message_size(usize::MAX),
        )
        .add_service(
            TraceServiceServer::new(grpc::Traces::new(parts.clone()))
                // As for jobs: one of many tasks is a large record.
                .max_encoding_message_size(usize::MAX),
        )
        .add_service(ClusterServiceServer::new(grpc::Cluster::new(parts.clone())))
        .add_service(
            AgentServiceServer::new(grpc::Agents::new(parts)).max_decoding_message_size(limit),
        )
        .serve_with_incoming_shutdown(incoming, ended.clone().cancelled_owned());
    let outcome = tokio::select! {
        outcome = server => outcome,
        () = async {
            ended.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        } => Ok(()),
    };
    reporting.abort();
    outcome.map_err(Into::into)
}

/// Healthy means leading: balancers and probes send nobody to a standby.
async fn report_health(reporter: HealthReporter, mut standing: watch::Receiver<Standing>) {
    loop {
        let leads = standing.borrow_and_update().leads;
        set_health(&reporter, leads).await;
        if standing.changed().await.is_err() {
            return;
        }
    }
}

async fn set_health(reporter: &HealthReporter, leads: bool) {
    let status = if leads {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    };
    for service in [
        "",
        "drover.v1.JobService",
        "drover.v1.QueueService",
        "drover.v1.DeadLetterService",
        "drover.v1.ClusterService",
        "drover.v1.PolicyService",
        "drover.v1.NodeService",
        "drover.v1.TraceService",
        "drover.v1.AgentService",
    ] {
        reporter.set_service_status(service, status).await;
    }
}
