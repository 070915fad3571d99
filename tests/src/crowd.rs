//! Others who use the same PostgreSQL server, and leave no connection for anybody else.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use tokio::{sync::watch, task::JoinHandle};

use crate::{Database, PostgresServer, within_limit};

/// Before they look again whether a connection has come free.
const PAUSE: Duration = Duration::from_millis(5);
/// SQLSTATE `too_many_connections`.
const TOO_MANY: &str = "53300";
/// Ends those that somebody still has to a database, and counts them.
const TERMINATE: &str =
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1";

/// Takes every connection that there is, until it is dropped.
#[derive(Debug)]
pub struct Crowd {
    task: JoinHandle<()>,
}

impl Crowd {
    /// Returns when nobody has a connection to the database any more, and the server has none left.
    ///
    /// # Panics
    /// When that does not come about.
    pub async fn gather(server: &PostgresServer, database: &Database) -> Self {
        let (full, mut is_full) = watch::channel(false);
        let crowd = Self {
            task: tokio::spawn(take_all(
                server.url().to_owned(),
                database.name().to_owned(),
                full,
            )),
        };
        let full = within_limit(
            "all connections to be taken",
            is_full.wait_for(|full| *full),
        );
        full.await.expect("the crowd goes on");
        crowd
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take_all(server: String, database: String, full: watch::Sender<bool>) {
    let mut first = connect(&server).await.expect("one is free");
    let mut others = Vec::new();
    loop {
        while let Some(connection) = connect(&server).await {
            others.push(connection);
        }
        let ended: i64 = sqlx::query_scalar(TERMINATE)
            .bind(&database)
            .fetch_one(&mut first)
            .await
            .expect("this one stays");
        if ended == 0 {
            full.send_replace(true);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// `None` when the server has none left.
async fn connect(server: &str) -> Option<PgConnection> {
    match PgConnection::connect(server).await {
        Ok(connection) => Some(connection),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(TOO_MANY) => None,
        Err(error) => panic!("{error}"),
    }
}
