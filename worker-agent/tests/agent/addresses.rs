//! Finding the coordinator that leads, and following it.

use std::time::{Duration, Instant};

use drover_proto::{agent::key_to_wire, v1::Outcome};
use tokio::net::TcpListener;

use crate::{
    agent::{Agent, open},
    coordinator::Coordinator,
    task::{key, shell},
};

/// Where nobody listens.
async fn deserted() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    format!("http://{}", listener.local_addr().expect("bound"))
}

#[tokio::test]
async fn a_standby_leads_to_the_leader_with_everything() {
    let mut leader = Coordinator::start().await;
    let standby = Coordinator::standby(&leader.address).await;
    let _agent = Agent::start(&standby);
    let mut session = leader.session().await;
    session.assign([(1, shell("echo told"))]).await;
    assert_eq!(session.end().await.1.outcome(), Outcome::Succeeded);
    let chunk = leader.logs.recv().await.expect("logs go there too");
    assert_eq!(chunk.key, Some(key_to_wire(key(1))));
}

#[tokio::test]
async fn the_whole_list_is_tried() {
    let mut leader = Coordinator::start().await;
    let standby = Coordinator::standby("").await;
    let begun = Instant::now();
    let _agent = Agent::start_with([
        deserted().await,
        standby.address.clone(),
        leader.address.clone(),
    ]);
    leader.session().await;
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn a_failover_is_followed_with_what_runs_and_what_it_wrote() {
    let mut first = Coordinator::start().await;
    let mut second = Coordinator::start().await;
    let agent = Agent::start_with([first.address.clone(), second.address.clone()]);
    let gate = agent.fifo("gate");
    let session = first.session().await;
    session
        .assign([(1, shell("echo before; read line < gate; echo after"))])
        .await;
    let chunk = first.logs.recv().await.expect("logs");
    assert_eq!(chunk.offset, 0);
    let begun = Instant::now();
    drop((session, first));

    let (mut session, join) = second.connection().await;
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(join.running, [key_to_wire(key(1))]);
    session.welcome(2, vec![]).await;
    open(gate).await;
    assert_eq!(session.end().await.1.outcome(), Outcome::Succeeded);
    loop {
        let chunk = second.logs.recv().await.expect("logs");
        if chunk.end {
            break;
        }
    }
}

#[tokio::test]
async fn a_coordinator_that_hangs_is_left() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", silent.local_addr().expect("bound"));
    let mut leader = Coordinator::start().await;
    let begun = Instant::now();
    let _agent = Agent::start_with([address, leader.address.clone()]);
    leader.session().await;
    // Pings would notice after 20 s.
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
}
