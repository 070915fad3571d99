//! A whole coordinator in this process.

use std::{net::SocketAddr, sync::Arc};

use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::server::TcpIncoming;

use crate::{
    Options,
    driver::{Driver, LeaseTerm},
    error::CoordinatorError,
    inbox,
    logs::Logs,
    server::{self, Parts},
    store,
    submit::Submitter,
    watch::WatchHub,
};

/// Starts coordinators.
#[derive(Debug)]
pub struct Coordinator;

impl Coordinator {
    /// Binds, opens the store, waits until it leads, loads, and serves. While another coordinator leads this one answers
    /// UNAVAILABLE. Dropping the future stops it.
    ///
    /// # Errors
    /// When an address or setting is wrong, or the store cannot be opened or loaded.
    pub async fn start(options: Options) -> Result<Handle, CoordinatorError> {
        options.check()?;
        let bind_error = |source| CoordinatorError::Bind {
            address: options.listen,
            source,
        };
        let incoming = TcpIncoming::bind(options.listen)
            .map_err(bind_error)?
            .with_nodelay(Some(true))
            .with_keepalive(Some(server::TCP_KEEPALIVE));
        let address = incoming.local_addr().map_err(bind_error)?;
        let store = store::open(&options.store).await?;
        let options = Arc::new(options);
        let shutdown = CancellationToken::new();
        let guard = shutdown.clone().drop_guard();
        let (senders, inbox) = inbox::lanes(options.max_waiting_requests);
        let (leading, mut leads) = watch::channel(false);
        let watches = Arc::new(WatchHub::default());
        let lease = Arc::new(LeaseTerm::default());
        let parts = Parts {
            submitter: Submitter::start(
                senders.clone(),
                Arc::clone(&store),
                options.limits.clone(),
            ),
            logs: Logs::start(Arc::clone(&store)),
            options: Arc::clone(&options),
            store: Arc::clone(&store),
            senders,
            watches: Arc::clone(&watches),
            lease: Arc::clone(&lease),
            leading: leads.clone(),
        };
        let driver = Driver {
            options,
            store,
            holder: holder(address),
            inbox,
            watches,
            lease,
            leading,
            shutdown: shutdown.clone(),
        };
        // Serving ends after the driver has answered its last callers.
        let served = CancellationToken::new();
        let serving = tokio::spawn(server::serve(parts, incoming, served.clone()));
        let mut running = tokio::spawn(async move {
            let _served = served.drop_guard();
            driver.run().await
        });
        tokio::select! {
            led = leads.wait_for(|leads| *leads) => { led.map(drop).map_err(|_| CoordinatorError::Ended)?; }
            ended = &mut running => {
                ended.unwrap_or(Err(CoordinatorError::Ended))?;
                return Err(CoordinatorError::Ended);
            }
        }
        Ok(Handle {
            address,
            running,
            serving,
            shutdown,
            _guard: guard,
        })
    }
}

/// A running coordinator. Stops when dropped; [`Handle::shutdown`] also waits.
#[derive(Debug)]
pub struct Handle {
    address: SocketAddr,
    running: JoinHandle<Result<(), CoordinatorError>>,
    serving: JoinHandle<Result<(), CoordinatorError>>,
    shutdown: CancellationToken,
    _guard: DropGuard,
}

impl Handle {
    /// Where it serves.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Commits what has been taken up, answers its callers, gives the lease up and closes every connection.
    ///
    /// # Errors
    /// What went wrong while it ran or ended.
    pub async fn shutdown(self) -> Result<(), CoordinatorError> {
        self.shutdown.cancel();
        self.ended().await
    }

    /// Waits for the end, which without a shutdown is a failure.
    ///
    /// # Errors
    /// What went wrong.
    pub async fn ended(self) -> Result<(), CoordinatorError> {
        self.running.await.unwrap_or(Err(CoordinatorError::Ended))?;
        self.serving.await.unwrap_or(Err(CoordinatorError::Ended))
    }
}

/// Name in the lease row. A coordinator started again on the same host and port takes its old lease over at once.
fn holder(address: SocketAddr) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match host.trim() {
        "" => address.to_string(),
        host => format!("{host}/{address}"),
    }
}
