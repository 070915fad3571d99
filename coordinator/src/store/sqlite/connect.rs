use std::{path::Path, time::Duration};

use sqlx::{
    ConnectOptions, SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::writer::Writer;
use crate::store::{StoreError, migrate};

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");

const READERS: u32 = 4;
/// How long a reader waits for others to end.
const READ_LIMIT: Duration = Duration::from_secs(10);
/// How long a writer waits for one of another process, for instance a coordinator that has just been replaced.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn open(path: &str) -> Result<(Writer, SqlitePool), StoreError> {
    if path.is_empty() || path == ":memory:" {
        return Err(StoreError::InvalidAddress(
            "sqlite: needs the path of a file, for instance sqlite:drover.db; a database in memory would keep nothing"
                .to_owned(),
        ));
    }
    let failed = |error: sqlx::Error| StoreError::File {
        path: path.into(),
        reason: reason(&error),
    };
    let options = SqliteConnectOptions::new()
        .filename(Path::new(path))
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        // In WAL mode anything less would lose the last turns with the power.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT);
    let mut connection = options.connect().await.map_err(failed)?;
    migrate::run(&MIGRATIONS, &mut connection).await?;
    // A file that has gone away is not to be replaced by an empty one.
    let options = options.create_if_missing(false);
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(READ_LIMIT)
        .connect_with(options.clone().read_only(true))
        .await
        .map_err(failed)?;
    Ok((Writer::new(options, connection), readers))
}

fn reason(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    }
}
