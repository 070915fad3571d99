//! Coordinators that a learner does not go with. One that it does is in the tests of the whole system.

use std::time::Duration;

use drover_learner::serve::{Naming, Plan, ServeError, ServeOptions, Service, TuneSettings};
use drover_proto::v1::{
    self,
    cluster_service_server::{ClusterService, ClusterServiceServer},
};
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

/// Tells its version, and knows no other call.
struct Stranger {
    version: &'static str,
}

#[tonic::async_trait]
impl ClusterService for Stranger {
    async fn get_status(
        &self,
        _: Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::Status>, Status> {
        Ok(Response::new(v1::Status {
            version: self.version.to_owned(),
            ..v1::Status::default()
        }))
    }
}

/// Its address. It ends with the test.
fn start(version: &'static str) -> String {
    let any = "127.0.0.1:0".parse().expect("an address");
    let incoming = TcpIncoming::bind(any).expect("a free port");
    let address = incoming.local_addr().expect("it is bound");
    let service = ClusterServiceServer::new(Stranger { version });
    let server = Server::builder().add_service(service);
    tokio::spawn(server.serve_with_incoming(incoming));
    address.to_string()
}

async fn ended(addresses: &[String], once: bool) -> (Result<(), ServeError>, Vec<String>) {
    let options = ServeOptions {
        addresses: addresses.to_vec(),
        namespace: "default".to_owned(),
        interval: Duration::from_millis(1),
        jobs: 100,
        plan: Plan {
            tuning: TuneSettings {
                generations: 1,
                seed: 1,
                threads: 1,
            },
            least_jobs: 20,
            candidate: None,
        },
        naming: Naming::new("online").expect("a prefix"),
        command: String::new(),
        once,
    };
    let service = Service::new(options).expect("addresses");
    let said = std::cell::RefCell::new(Vec::new());
    let ended = service.run(|line| said.borrow_mut().push(line.to_owned()));
    (ended.await, said.into_inner())
}

#[tokio::test]
async fn a_coordinator_of_another_version_is_refused_with_the_reason() {
    let (ended, said) = ended(&[start("9.9.9")], false).await;
    let problem = ended.expect_err("it is another").to_string();
    assert!(
        problem.contains("has version 9.9.9, and this learner 0."),
        "{problem}"
    );
    assert!(problem.contains("use both of one version"), "{problem}");
    assert_eq!(said, [""; 0], "no turn was made");
}

#[tokio::test]
async fn a_call_that_is_not_known_is_named() {
    let (ended, _) = ended(&[start(env!("CARGO_PKG_VERSION"))], true).await;
    let problem = ended.expect_err("it has no policies").to_string();
    assert!(
        problem.starts_with("the coordinator refuses to list its policies"),
        "{problem}"
    );
}

/// Here the first of two is not there, and the next answers after a moment.
#[tokio::test]
async fn another_coordinator_is_asked_when_one_is_not_there() {
    let gone = TcpIncoming::bind("127.0.0.1:0".parse().expect("an address"));
    let gone = gone
        .and_then(|bound| bound.local_addr())
        .expect("a free port");
    let (ended, said) = ended(&[gone.to_string(), start("9.9.9")], false).await;
    assert!(
        matches!(ended, Err(ServeError::OtherVersion { .. })),
        "{ended:?}"
    );
    let expected = format!("no coordinator answers at http://{gone}/");
    assert!(said[0].starts_with(&expected), "{said:?}");
    assert!(said[0].ends_with("; again in 1 s"), "{said:?}");
}
