//! Stands between a store and its server, and can keep the answers to itself.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// What becomes of what the server says. What is said to it always arrives.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Answers {
    Pass,
    /// The connection stays open and silent, for good.
    Swallow,
    /// The connection is closed instead.
    Cut,
}

pub(crate) struct Proxy {
    /// Of the database, by way of this.
    pub(crate) url: String,
    answers: watch::Sender<Answers>,
    accepts: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn before(url: &str) -> Self {
        let (account, rest) = url.rsplit_once('@').expect("names an account");
        let (server, database) = rest.split_once('/').expect("names a database");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("is bound");
        let (answers, wanted) = watch::channel(Answers::Pass);
        let accepts = tokio::spawn(accept(listener, server.to_owned(), wanted));
        Self {
            url: format!("{account}@{address}/{database}"),
            answers,
            accepts,
        }
    }

    /// From now on.
    pub(crate) fn set(&self, answers: Answers) {
        self.answers.send_replace(answers);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepts.abort();
    }
}

async fn accept(listener: TcpListener, server: String, wanted: watch::Receiver<Answers>) {
    loop {
        let (client, _) = listener.accept().await.expect("accepts");
        let server = TcpStream::connect(&server).await.expect("connects");
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::spawn(pass(from_client, to_server));
        tokio::spawn(answer(from_server, to_client, wanted.clone()));
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    // The end of either side is the end of the connection.
    let _ = tokio::io::copy(&mut from, &mut to).await;
}

async fn answer(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, wanted: watch::Receiver<Answers>) {
    let mut bytes = vec![0; 64 * 1024];
    let mut silent = false;
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        let wanted = *wanted.borrow();
        silent |= wanted == Answers::Swallow;
        if wanted == Answers::Cut {
            return;
        }
        if !silent && to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}
