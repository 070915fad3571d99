use std::{path::Path, time::Duration};

use sqlx::{
    ConnectOptions, SqliteConnection, SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::store::{StoreError, migrate};

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");

const READERS: u32 = 4;
/// How long a writer waits for one of another process, for instance a coordinator that has just been replaced.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn open(path: &str) -> Result<(SqliteConnection, SqlitePool), StoreError> {
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
    let mut writer = options.connect().await.map_err(failed)?;
    migrate::run(&MIGRATIONS, &mut writer).await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .connect_with(options.create_if_missing(false).read_only(true))
        .await
        .map_err(failed)?;
    Ok((writer, readers))
}

fn reason(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    }
}
