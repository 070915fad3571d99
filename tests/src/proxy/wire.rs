//! One connection through the proxy: whole messages of the PostgreSQL protocol, version 3, are passed on. ("Message
//! Formats" in chapter 55 of the manual of PostgreSQL 15: a byte for the kind, four for the length, which counts itself;
//! the first message of a client has no kind.)

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use super::{Conditions, Fault, Weather};

const PARSE: u8 = b'P';
const BIND: u8 = b'B';
/// Ends what a client asks for; only then does the server commit.
const SYNC: u8 = b'S';
const READY_FOR_QUERY: u8 = b'Z';
const COMMIT: &[u8] = b"SELECT commit_turn(";

/// What both directions of a connection know.
#[derive(Debug, Default)]
struct Seen {
    /// It has prepared the statement that commits.
    commits: AtomicBool,
    /// The end of the commit under way is to arrive late.
    hold_end: AtomicBool,
    /// The answer of the commit under way is not to arrive.
    cut_answer: AtomicBool,
    /// It is to arrive late.
    hold_answer: AtomicBool,
}

struct Message {
    kind: Option<u8>,
    bytes: Vec<u8>,
}

impl Message {
    async fn read(from: &mut OwnedReadHalf, has_kind: bool) -> io::Result<Self> {
        let kind = match has_kind {
            true => Some(from.read_u8().await?),
            false => None,
        };
        let length = from.read_u32().await?;
        let rest = (length as usize).saturating_sub(4);
        let mut bytes: Vec<u8> = kind.into_iter().chain(length.to_be_bytes()).collect();
        let begin = bytes.len();
        bytes.resize(begin + rest, 0);
        from.read_exact(&mut bytes[begin..]).await?;
        Ok(Self { kind, bytes })
    }

    fn prepares_commit(&self) -> bool {
        let mut windows = self.bytes.windows(COMMIT.len());
        self.kind == Some(PARSE) && windows.any(|window| window == COMMIT)
    }
}

/// Until one side closes, or a fault does. Dropping the halves closes both.
pub(super) async fn connect(client: TcpStream, server: String, mut conditions: Conditions) {
    if conditions.now() == Weather::Down {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let seen = Arc::<Seen>::default();
    let asked = requests(
        from_client,
        to_server,
        Arc::clone(&seen),
        conditions.clone(),
    );
    let answered = answers(from_server, to_client, seen, conditions.clone());
    tokio::select! {
        _ = asked => {}
        _ = answered => {}
        () = conditions.down() => {}
    }
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    seen: Arc<Seen>,
    mut conditions: Conditions,
) -> io::Result<()> {
    let mut has_kind = false;
    loop {
        let message = Message::read(&mut from, has_kind).await?;
        has_kind = true;
        if message.prepares_commit() {
            seen.commits.store(true, Ordering::SeqCst);
        }
        let commits = seen.commits.load(Ordering::SeqCst);
        if commits && message.kind == Some(BIND) && !hits(&seen, &mut conditions).await {
            return Ok(());
        }
        if message.kind == Some(SYNC) && seen.hold_end.swap(false, Ordering::SeqCst) {
            conditions.plan.has_happened();
            conditions.released().await;
        }
        if !conditions.let_through(commits).await {
            return Ok(());
        }
        to.write_all(&message.bytes).await?;
    }
}

/// A commit is under way. False: its connection breaks.
async fn hits(seen: &Seen, conditions: &mut Conditions) -> bool {
    if let Weather::SlowCommits(late) = conditions.now() {
        tokio::time::sleep(late).await;
    }
    let Some(fault) = conditions.plan.next() else {
        return true;
    };
    match fault {
        Fault::CutAfter => seen.cut_answer.store(true, Ordering::SeqCst),
        Fault::HoldEnd => seen.hold_end.store(true, Ordering::SeqCst),
        Fault::HoldAfter => seen.hold_answer.store(true, Ordering::SeqCst),
        Fault::CutBefore => conditions.plan.has_happened(),
        Fault::HoldBefore => {
            conditions.plan.has_happened();
            conditions.released().await;
        }
    }
    fault != Fault::CutBefore
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    seen: Arc<Seen>,
    mut conditions: Conditions,
) -> io::Result<()> {
    let mut waiting = Vec::new();
    loop {
        let message = Message::read(&mut from, true).await?;
        if seen.cut_answer.load(Ordering::SeqCst) {
            // The server is ready for more when the commit is durable.
            if message.kind == Some(READY_FOR_QUERY) {
                conditions.plan.has_happened();
                return Ok(());
            }
            continue;
        }
        waiting.extend_from_slice(&message.bytes);
        if seen.hold_answer.load(Ordering::SeqCst) {
            if message.kind != Some(READY_FOR_QUERY) {
                continue;
            }
            conditions.plan.has_happened();
            conditions.released().await;
            seen.hold_answer.store(false, Ordering::SeqCst);
        }
        let commits = seen.commits.load(Ordering::SeqCst);
        if !conditions.let_through(commits).await {
            return Ok(());
        }
        to.write_all(&waiting).await?;
        waiting.clear();
    }
}
