//! A whole coordinator in this process.

use std::{io::ErrorKind, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use drover_model::lead::{Room, Suspicion};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::server::TcpIncoming;
use uuid::Uuid;

use crate::{
    Options,
    driver::{Driver, LeaseTerm},
    error::CoordinatorError,
    guard::Guard,
    inbox,
    logs::Logs,
    queues::QueueDefaults,
    record::Recorder,
    server::{self, Parts},
    standing::Standing,
    store,
    submit::Submitter,
    tally::Tally,
    watch::WatchHub,
};

/// An address that is in use is tried again so often, with this pause. When a coordinator is killed while it starts
/// another process, that one holds its listener as well until it executes its program, which takes some milliseconds.
const BIND_TRIES: u32 = 20;
const BIND_PAUSE: Duration = Duration::from_millis(25);

/// Starts coordinators.
#[derive(Debug)]
pub struct Coordinator;

impl Coordinator {
    /// Binds, opens the store, serves, and leads if nobody else does; else it stands by, and takes over when it can. What
    /// only a leader can do a standby refuses, and says where the leader is. Dropping the future stops it.
    ///
    /// # Errors
    /// When an address or setting is wrong, the store cannot be opened, or the first leadership cannot begin.
    pub async fn start(options: Options) -> Result<Handle, CoordinatorError> {
        options.check()?;
        let (incoming, bound) = bind(options.listen).await?;
        let store = store::open(&options.store).await?;
        let recorder = options.record.as_deref().map(open_record).transpose()?;
        let options = Arc::new(options);
        let shutdown = CancellationToken::new();
        let guard = shutdown.clone().drop_guard();
        let (standing, mut stands) = watch::channel(Standing::default());
        let tally = Arc::new(Tally::default());
        let (senders, inbox) = inbox::lanes(
            options.max_waiting_requests,
            stands.clone(),
            Arc::clone(&tally),
        );
        let queues = Arc::new(QueueDefaults::default());
        let watches = Arc::new(WatchHub::default());
        let lease = Arc::new(LeaseTerm::default());
        let parts = Parts {
            submitter: Submitter::start(
                senders.clone(),
                Arc::clone(&store),
                Arc::clone(&queues),
                Arc::clone(&options),
            ),
            logs: Logs::start(Arc::clone(&store)),
            options: Arc::clone(&options),
            store: Arc::clone(&store),
            senders,
            watches: Arc::clone(&watches),
            lease: Arc::clone(&lease),
            tally: Arc::clone(&tally),
        };
        tokio::spawn(Guard::of(&parts).run(shutdown.clone()));
        let driver = Driver {
            address: options.advertised(bound).into(),
            instance: Uuid::now_v7(),
            options,
            store,
            inbox,
            watches,
            lease,
            queues,
            tally,
            recorder,
            suspicion: Suspicion::default(),
            panicked: None,
            room: Room::default(),
            standing,
            shutdown: shutdown.clone(),
        };
        let (serving, mut running) = serve(parts, incoming, driver);
        until(&mut running, &mut stands, |standing| {
            *standing != Standing::default()
        })
        .await?;
        Ok(Handle {
            address: bound,
            running,
            serving,
            stands,
            shutdown,
            _guard: guard,
        })
    }
}

async fn bind(address: SocketAddr) -> Result<(TcpIncoming, SocketAddr), CoordinatorError> {
    let bind_error = |source| CoordinatorError::Bind { address, source };
    let mut tried = 1;
    let incoming = loop {
        match TcpIncoming::bind(address) {
            Ok(incoming) => break incoming,
            Err(error) if error.kind() == ErrorKind::AddrInUse && tried < BIND_TRIES => {
                tried += 1;
                tokio::time::sleep(BIND_PAUSE).await;
            }
            Err(error) => return Err(bind_error(error)),
        }
    };
    let incoming = incoming
        .with_nodelay(Some(true))
        .with_keepalive(Some(server::TCP_KEEPALIVE));
    let bound = incoming.local_addr().map_err(bind_error)?;
    Ok((incoming, bound))
}

fn open_record(path: &Path) -> Result<Recorder, CoordinatorError> {
    Recorder::open(path).map_err(|source| CoordinatorError::Record {
        path: path.to_owned(),
        source,
    })
}

type Running = JoinHandle<Result<(), CoordinatorError>>;

/// Serving ends after the driver has answered its last callers.
fn serve(parts: Parts, incoming: TcpIncoming, driver: Driver) -> (Running, Running) {
    let served = CancellationToken::new();
    let serving = tokio::spawn(server::serve(parts, incoming, served.clone()));
    let running = tokio::spawn(async move {
        let _served = served.drop_guard();
        driver.run().await
    });
    (serving, running)
}

/// Waits until the driver stands as it is wanted to, or ends.
async fn until(
    running: &mut Running,
    stands: &mut watch::Receiver<Standing>,
    wanted: impl FnMut(&Standing) -> bool,
) -> Result<(), CoordinatorError> {
    tokio::select! {
        biased;
        stands = stands.wait_for(wanted) => match stands {
            Ok(_) => Ok(()),
            // It says why when it has ended.
            Err(_) => over(running.await),
        },
        ended = &mut *running => over(ended),
    }
}

/// An end is never what was waited for.
fn over(
    ended: Result<Result<(), CoordinatorError>, tokio::task::JoinError>,
) -> Result<(), CoordinatorError> {
    ended.unwrap_or(Err(CoordinatorError::Ended))?;
    Err(CoordinatorError::Ended)
}

/// A running coordinator. Stops when dropped; [`Handle::shutdown`] also waits.
#[derive(Debug)]
pub struct Handle {
    address: SocketAddr,
    running: Running,
    serving: Running,
    stands: watch::Receiver<Standing>,
    shutdown: CancellationToken,
    _guard: DropGuard,
}

impl Handle {
    /// Where it serves.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it leads now.
    pub fn leads(&self) -> bool {
        self.stands.borrow().leads
    }

    /// Waits until it leads.
    ///
    /// # Errors
    /// Why it has ended instead.
    pub async fn leading(&mut self) -> Result<(), CoordinatorError> {
        until(&mut self.running, &mut self.stands, |standing| {
            standing.leads
        })
        .await
    }

    /// Commits what has been taken up, answers its callers, gives the lease up and closes every connection.
    ///
    /// # Errors
    /// What went wrong while it ran or ended.
    pub async fn shutdown(mut self) -> Result<(), CoordinatorError> {
        self.shutdown.cancel();
        self.ended().await
    }

    /// Waits for the end, which without a shutdown is a failure. May be dropped and called again until it has answered.
    ///
    /// # Errors
    /// What went wrong.
    pub async fn ended(&mut self) -> Result<(), CoordinatorError> {
        (&mut self.running)
            .await
            .unwrap_or(Err(CoordinatorError::Ended))?;
        (&mut self.serving)
            .await
            .unwrap_or(Err(CoordinatorError::Ended))
    }
}
