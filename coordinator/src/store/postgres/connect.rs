use std::{str::FromStr, time::Duration};

use sqlx::{
    ConnectOptions, Connection, error::DatabaseError, migrate::Migrator, postgres::PgConnectOptions,
};

use crate::store::{StoreError, migrate};

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/postgres");

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the database is, and that it is there and up to date.
pub(super) async fn open(url: &str) -> Result<PgConnectOptions, StoreError> {
    // The parser's own words could quote the address, and with it the password.
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| {
            StoreError::InvalidAddress(
                "expected postgres://USER:PASSWORD@HOST:PORT/DATABASE, with special characters percent-encoded"
                    .to_owned(),
            )
        })?
        .application_name("drover");
    let mut connection = tokio::time::timeout(CONNECT_TIMEOUT, options.connect())
        .await
        .map_err(|_| unreachable(&options, format!("nothing heard for {CONNECT_TIMEOUT:?}")))?
        .map_err(|error| refused(&options, error))?;
    migrate::run(&MIGRATIONS, &mut connection).await?;
    // Closing politely is a courtesy; the migrations are committed.
    let _ = connection.close().await;
    Ok(options)
}

fn refused(options: &PgConnectOptions, error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Io(error) => unreachable(options, error.to_string()),
        sqlx::Error::Tls(error) => unreachable(options, format!("no TLS: {error}")),
        sqlx::Error::Database(error) => rejected(options, &*error),
        other => unreachable(options, other.to_string()),
    }
}

/// SQLSTATEs of PostgreSQL 15, appendix A.
fn rejected(options: &PgConnectOptions, error: &dyn DatabaseError) -> StoreError {
    let reason = error.message().to_owned();
    match error.code().as_deref() {
        Some("28P01" | "28000") => StoreError::AccessDenied {
            address: address(options),
            user: options.get_username().to_owned(),
            reason,
        },
        Some("3D000") => StoreError::NoDatabase {
            address: address(options),
            database: options
                .get_database()
                .unwrap_or(options.get_username())
                .to_owned(),
        },
        _ => unreachable(options, reason),
    }
}

fn unreachable(options: &PgConnectOptions, reason: String) -> StoreError {
    StoreError::Unreachable {
        address: address(options),
        reason,
    }
}

fn address(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(directory) => format!("{}:{}", directory.display(), options.get_port()),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}
