//! The one connection that writes.

use std::ops::{Deref, DerefMut};

use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{Mutex, MutexGuard};

/// SQLite lets one write at a time: all writes of this process take turns here.
pub(super) struct Writer {
    options: SqliteConnectOptions,
    connection: Mutex<Option<SqliteConnection>>,
}

impl Writer {
    pub(super) fn new(options: SqliteConnectOptions, connection: SqliteConnection) -> Self {
        Self {
            options,
            connection: Mutex::new(Some(connection)),
        }
    }

    pub(super) async fn borrow(&self) -> Result<Borrowed<'_>, sqlx::Error> {
        let mut slot = self.connection.lock().await;
        let connection = match slot.take() {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        Ok(Borrowed {
            slot,
            connection: Some(connection),
        })
    }
}

/// Goes back only if whoever has it says so. After a failure, on a full disk for instance, SQLite may have ended the
/// transaction by itself or not; closing the connection ends it in any case, and the next one begins anew.
pub(super) struct Borrowed<'a> {
    slot: MutexGuard<'a, Option<SqliteConnection>>,
    connection: Option<SqliteConnection>,
}

impl Borrowed<'_> {
    pub(super) fn give_back(mut self) {
        *self.slot = self.connection.take();
    }
}

impl Deref for Borrowed<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        self.connection
            .as_ref()
            .expect("is there until it is given back")
    }
}

impl DerefMut for Borrowed<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.connection
            .as_mut()
            .expect("is there until it is given back")
    }
}
