//! Clients that submit jobs all the time, whatever happens to coordinators.

use std::{collections::BTreeSet, time::Duration};

use drover_proto::v1::{JobSpec, SubmitRequest, job_service_client::JobServiceClient};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};

use crate::{Address, Cluster, within_limit};

/// A coordinator that says nothing for so long is left for another.
const PATIENCE: Duration = Duration::from_secs(2);
const BETWEEN_TRIES: Duration = Duration::from_millis(20);
const BETWEEN_JOBS: Duration = Duration::from_millis(10);

/// Each client submits one job after the other, and each job until it is accepted, always with the same request id.
#[derive(Debug)]
pub struct Load {
    stop: watch::Sender<bool>,
    accepted: watch::Sender<usize>,
    clients: JoinSet<BTreeSet<String>>,
}

impl Load {
    /// # Panics
    /// In the end, when a job is refused.
    pub fn start(cluster: &Cluster, clients: usize, spec: fn(&str) -> JobSpec) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (accepted, _) = watch::channel(0);
        let mut load = Self {
            stop,
            accepted,
            clients: JoinSet::new(),
        };
        for number in 0..clients {
            let client = Client {
                name: format!("client-{number}"),
                servers: cluster.addresses().into_iter().map(connect).collect(),
                current: 0,
                accepted: load.accepted.clone(),
            };
            load.clients.spawn(client.run(spec, stopped.clone()));
        }
        load
    }

    /// How many jobs were accepted so far.
    pub fn accepted(&self) -> usize {
        *self.accepted.borrow()
    }

    /// Waits until so many more jobs were accepted, and tells how long that took.
    pub async fn goes_on(&self, more: usize) -> Duration {
        let begin = Instant::now();
        let enough = self.accepted() + more;
        let mut accepted = self.accepted.subscribe();
        let reached = accepted.wait_for(|accepted| *accepted >= enough);
        let reached = within_limit("jobs to be accepted", reached).await;
        reached.expect("this load counts them");
        begin.elapsed()
    }

    /// Ends when each client has its last answer. The ids of all jobs.
    ///
    /// # Panics
    /// When one job was accepted twice under different ids, or was refused.
    pub async fn stop(self) -> BTreeSet<String> {
        self.stop.send_replace(true);
        let of_clients = within_limit("the last answers", self.clients.join_all()).await;
        let ids: BTreeSet<String> = of_clients.into_iter().flatten().collect();
        assert_eq!(ids.len(), *self.accepted.borrow(), "two jobs with one id");
        ids
    }
}

struct Client {
    name: String,
    servers: Vec<JobServiceClient<Channel>>,
    current: usize,
    accepted: watch::Sender<usize>,
}

impl Client {
    async fn run(
        mut self,
        spec: fn(&str) -> JobSpec,
        stopped: watch::Receiver<bool>,
    ) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        for number in 0.. {
            if *stopped.borrow() {
                break;
            }
            let request_id = format!("{}-{number}", self.name);
            let request = SubmitRequest {
                spec: Some(spec(&request_id)),
                request_id,
            };
            let id = self.submit(request).await;
            assert!(ids.insert(id), "an id was given twice");
            self.accepted.send_modify(|accepted| *accepted += 1);
            sleep(BETWEEN_JOBS).await;
        }
        ids
    }

    async fn submit(&mut self, request: SubmitRequest) -> String {
        loop {
            let server = &mut self.servers[self.current];
            match timeout(PATIENCE, server.submit(request.clone())).await {
                Ok(Ok(answer)) => return answer.into_inner().job_id,
                Ok(Err(status)) => assert!(may_be_repeated(&status), "{status:?}"),
                Err(_) => {}
            }
            self.current = (self.current + 1) % self.servers.len();
            sleep(BETWEEN_TRIES).await;
        }
    }
}

fn connect(address: Address) -> JobServiceClient<Channel> {
    let endpoint = Endpoint::from_shared(address.url())
        .expect("an address")
        .connect_timeout(PATIENCE);
    JobServiceClient::new(endpoint.connect_lazy())
}

/// Everything that a coordinator may say which comes and goes; a broken connection has a source.
fn may_be_repeated(status: &Status) -> bool {
    let is_broken = std::error::Error::source(status).is_some();
    is_broken || matches!(status.code(), Code::Unavailable | Code::ResourceExhausted)
}
