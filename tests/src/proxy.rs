//! What stands between a coordinator and its PostgreSQL server, and fails on demand.

mod wire;

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{net::TcpListener, runtime::Runtime, sync::watch};

use crate::until;

/// How the way to the server is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weather {
    #[default]
    Clear,
    /// Commits arrive that much later.
    SlowCommits(Duration),
    /// Nothing arrives, and nobody is told. What was sent meanwhile arrives when the weather changes.
    Silent,
    /// Commits arrive, but nothing that is read comes back.
    OnlyCommits,
    /// Connections are closed, and new ones at once.
    Down,
}

/// What happens to the next commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection breaks before the server hears of the commit.
    CutBefore,
    /// The server has committed, and the connection breaks before it can say so.
    CutAfter,
    /// The server hears of the commit when [`Proxy::release`] is called.
    HoldBefore,
    /// The server has done all that the commit asks for, and keeps what it has locked: that this was everything, it hears
    /// when [`Proxy::release`] is called.
    HoldEnd,
    /// The server has committed, and says so when [`Proxy::release`] is called.
    HoldAfter,
}

/// Faults that are still to happen, in their order.
#[derive(Debug, Default)]
struct Plan {
    faults: Mutex<Vec<Fault>>,
    happened: AtomicUsize,
}

/// What connections look at.
#[derive(Clone, Debug)]
struct Conditions {
    weather: watch::Receiver<Weather>,
    held: watch::Receiver<bool>,
    plan: Arc<Plan>,
}

/// Listens until it is dropped. It has threads of its own: what a test does meanwhile does not stop it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    held: watch::Sender<bool>,
    plan: Arc<Plan>,
    runtime: Option<Runtime>,
}

impl Proxy {
    /// On a free port of that address.
    ///
    /// # Panics
    /// When there is none.
    pub(crate) fn start(here: IpAddr, server: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = std::net::TcpListener::bind((here, 0)).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        listener.set_nonblocking(true).expect("a socket");
        let (weather, weather_seen) = watch::channel(Weather::Clear);
        let (held, held_seen) = watch::channel(true);
        let plan = Arc::<Plan>::default();
        let conditions = Conditions {
            weather: weather_seen,
            held: held_seen,
            plan: Arc::clone(&plan),
        };
        let server = server.to_owned();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(wire::connect(client, server.clone(), conditions.clone()));
            }
        });
        Self {
            address,
            weather,
            held,
            plan,
            runtime: Some(runtime),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn turn(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Lets the next commit come to grief, and waits until it has.
    pub async fn strike(&self, fault: Fault) {
        let before = self.plan.happened.load(Ordering::SeqCst);
        self.held.send_replace(true);
        self.plan.faults().push(fault);
        until(&format!("a commit for {fault:?}"), async || {
            (self.plan.happened.load(Ordering::SeqCst) > before).then_some(())
        })
        .await;
    }

    /// What is held goes on.
    pub fn release(&self) {
        self.held.send_replace(false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Plan {
    fn faults(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happens to this commit.
    fn next(&self) -> Option<Fault> {
        let mut faults = self.faults();
        (!faults.is_empty()).then(|| faults.remove(0))
    }

    fn has_happened(&self) {
        self.happened.fetch_add(1, Ordering::SeqCst);
    }
}

impl Conditions {
    fn now(&self) -> Weather {
        *self.weather.borrow()
    }

    /// Returns when bytes of this kind of connection get through. False: the connection is to be closed.
    async fn let_through(&mut self, commits: bool) -> bool {
        let passes = |weather: &Weather| match weather {
            Weather::Silent => false,
            Weather::OnlyCommits => commits,
            _ => true,
        };
        let weather = self.weather.wait_for(passes).await;
        weather.is_ok_and(|weather| *weather != Weather::Down)
    }

    /// Returns when the connection is to be closed.
    async fn down(&mut self) {
        let down = self.weather.wait_for(|weather| *weather == Weather::Down);
        // Without a proxy there is no connection either.
        let _ = down.await;
    }

    async fn released(&mut self) {
        let _ = self.held.wait_for(|held| !held).await;
    }
}
