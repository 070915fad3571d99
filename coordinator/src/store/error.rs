use std::path::PathBuf;

use drover_model::JobId;

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "the store `{0}` is neither sqlite:PATH nor postgres://USER:PASSWORD@HOST:PORT/DATABASE"
    )]
    UnknownScheme(String),
    #[error("the store's address cannot be read: {0}")]
    InvalidAddress(String),
    #[error(
        "no answer from PostgreSQL at {address}: {reason}; is it running, and reachable from here?"
    )]
    Unreachable { address: String, reason: String },
    #[error(
        "PostgreSQL at {address} refuses user `{user}`: {reason}; check user and password in the store's address"
    )]
    AccessDenied {
        address: String,
        user: String,
        reason: String,
    },
    #[error(
        "PostgreSQL at {address} has no database `{database}`; create it first (createdb {database})"
    )]
    NoDatabase { address: String, database: String },
    #[error("the database file {path} cannot be opened: {reason}")]
    File { path: PathBuf, reason: String },
    #[error(
        "the database was written by a newer Drover (it has schema {found}, this program knows {known}); \
         use the newer program"
    )]
    NewerSchema { found: i64, known: i64 },
    #[error(
        "the database's schema {0} is not the one this program was built with; was a migration edited?"
    )]
    ChangedSchema(i64),
    #[error("the schema could not be brought up to date: {0}")]
    Migration(String),
    /// Another leader has taken over.
    #[error("another coordinator leads: the lease shows epoch {current}, not {expected}")]
    Fenced { expected: u64, current: u64 },
    /// A stored value that no version of this program writes.
    #[error(
        "table {table} holds a {column}{} that makes no sense: {value}; was it edited by hand?",
        of_job(*.job)
    )]
    Corrupt {
        table: &'static str,
        column: &'static str,
        /// Whose it is: a load goes on without it once it is parked ([`super::Store::park`]).
        job: Option<JobId>,
        value: String,
    },
    /// A value that the border should have refused.
    #[error("{column} is too large to be stored: {value}")]
    TooLarge { column: &'static str, value: u64 },
    #[error("the database did not answer within {0:?}")]
    TimedOut(std::time::Duration),
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
}

fn of_job(job: Option<JobId>) -> String {
    job.map(|job| format!(" of job {job}")).unwrap_or_default()
}
