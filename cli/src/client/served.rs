//! What tests talk to instead of a coordinator.

use tokio::{net::TcpListener, task::JoinHandle};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Status, transport::server::Router};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Services on a port of their own, until it is dropped.
pub(crate) struct Served {
    url: String,
    serving: JoinHandle<()>,
}

impl Served {
    pub(crate) async fn start(services: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let serving = tokio::spawn(async move {
            let connections = TcpListenerStream::new(listener);
            let served = services.serve_with_incoming(connections).await;
            served.expect("serving");
        });
        Self { url, serving }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What one says that does not lead.
pub(crate) fn standby(leader: &str) -> Status {
    let metadata = [("leader".to_owned(), leader.to_owned())];
    let details = ErrorDetails::with_error_info("NOT_LEADER", "drover", metadata);
    Status::with_error_details(Code::Unavailable, "a standby", details)
}
