//! Addresses that no other test has.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    sync::atomic::{AtomicU16, Ordering},
};

use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{Process, until};

/// Below those that the kernel hands out by itself.
const FIRST_PORT: u16 = 7_701;

/// Where a coordinator serves, also after it was killed and started again. Linux has the whole of 127.0.0.0/8 on its
/// loopback interface: the number of the test's process makes an address of its own, so that no port can be taken
/// between choosing and binding it, or between two starts.
#[derive(Clone, Copy, Debug)]
pub struct Address(SocketAddr);

impl Address {
    /// One that nobody has had in this process.
    pub fn unique() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(FIRST_PORT);
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        let [_, high, middle, low] = std::process::id().to_be_bytes();
        // Process ids have 22 bits; the highest of the 24 keeps out of 127.0.0.0/9, where people have things.
        let host = Ipv4Addr::new(127, high | 0x80, middle, low);
        Self(SocketAddr::new(IpAddr::V4(host), port))
    }

    /// On another host than this one.
    pub(crate) fn of(address: SocketAddr) -> Self {
        Self(address)
    }

    pub fn url(self) -> String {
        format!("http://{}", self.0)
    }

    /// What the coordinator there says of a service, or of itself as a whole (the empty name). `None` when nobody
    /// answers.
    ///
    /// # Panics
    /// When the answer is no status.
    pub async fn health(self, service: &str) -> Option<ServingStatus> {
        let endpoint = Endpoint::from_shared(self.url()).expect("an address");
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let answer = HealthClient::new(endpoint.connect_lazy())
            .check(request)
            .await;
        let status = answer.ok()?.into_inner().status();
        Some(status)
    }

    /// Waits until nobody listens there any more. What a process was about to start when it was killed has everything
    /// open that the process had, until the new program begins.
    pub async fn comes_free(self) {
        until(&format!("{self} to come free"), async || {
            TcpListener::bind(self.0).ok().map(drop)
        })
        .await;
    }

    /// Waits until the coordinator there says that it serves.
    ///
    /// # Panics
    /// When it ends, or time is over.
    pub async fn serves(self, coordinator: &mut Process) {
        until("the coordinator to serve", async || {
            let ended = coordinator.try_wait();
            assert!(ended.is_none(), "the coordinator has ended: {ended:?}");
            (self.health("").await == Some(ServingStatus::Serving)).then_some(())
        })
        .await;
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
