//! Output on its way to the coordinator.

use drover_proto::v1::{LogChunk, LogStream};

use crate::{agent::Agent, coordinator::Coordinator, task::shell};

fn text(chunk: &LogChunk) -> Vec<u8> {
    if chunk.data.is_empty() {
        return Vec::new();
    }
    zstd::bulk::decompress(&chunk.data, 64 << 10).expect("a frame of at most 64 KiB")
}

/// Everything up to the end.
async fn collect(coordinator: &mut Coordinator) -> Vec<LogChunk> {
    let mut chunks = Vec::new();
    loop {
        let chunk = coordinator.logs.recv().await.expect("the server runs");
        let end = chunk.end;
        chunks.push(chunk);
        if end {
            return chunks;
        }
    }
}

#[tokio::test]
async fn both_streams_arrive_and_end() {
    let mut coordinator = Coordinator::start().await;
    let _agent = Agent::start(&coordinator);
    let session = coordinator.session().await;
    session.assign([(1, shell("echo out; echo err >&2"))]).await;
    let chunks = collect(&mut coordinator).await;
    let of = |stream: LogStream| -> Vec<u8> {
        let chunks = chunks.iter().filter(|chunk| chunk.stream() == stream);
        chunks.flat_map(text).collect()
    };
    assert_eq!(of(LogStream::Stdout), b"out\n");
    assert_eq!(of(LogStream::Stderr), b"err\n");
}

#[tokio::test]
async fn output_is_seen_while_the_process_runs() {
    let mut coordinator = Coordinator::start().await;
    let agent = Agent::start(&coordinator);
    let gate = agent.fifo("gate");
    let session = coordinator.session().await;
    session
        .assign([(1, shell("echo first; read line < gate; echo $line"))])
        .await;
    let first = coordinator.logs.recv().await.expect("live");
    assert_eq!((text(&first), first.end), (b"first\n".to_vec(), false));
    tokio::task::spawn_blocking(|| std::fs::write(gate, "second\n").expect("writable"));
    let rest = collect(&mut coordinator).await;
    assert_eq!(rest.iter().flat_map(text).collect::<Vec<_>>(), b"second\n");
    assert_eq!(rest[0].offset, 6);
}

#[tokio::test]
async fn a_process_that_writes_more_than_is_kept_is_not_held_up() {
    let mut coordinator = Coordinator::start().await;
    let _agent = Agent::start(&coordinator);
    let mut session = coordinator.session().await;
    session
        .assign([(1, shell("head -c 5000000 /dev/zero; printf last"))])
        .await;
    session.end().await;
    let chunks = collect(&mut coordinator).await;
    let mut place = 0;
    for chunk in &chunks {
        assert!(chunk.offset >= place, "offsets grow, gaps show");
        place = chunk.offset + text(chunk).len() as u64;
    }
    assert_eq!(place, 5_000_004);
    let all: Vec<u8> = chunks.iter().flat_map(text).collect();
    assert!(all.ends_with(b"last"));
}
