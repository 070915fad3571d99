//! What a store holds, read past the coordinator.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection};

use crate::Database;

/// One attempt, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredAttempt {
    /// As the API writes it.
    pub job: String,
    pub task: i64,
    pub attempt: i64,
    pub state: String,
}

/// Attempts in the order of job, task and number. Ids are written as the API does in both databases.
const ATTEMPTS_ON_POSTGRES: &str = "SELECT job_id::text, task::bigint, attempt::bigint, state \
    FROM attempts ORDER BY job_id, task, attempt";
const ATTEMPTS_ON_SQLITE: &str = "SELECT lower(hex(job_id)), task, attempt, state \
    FROM attempts ORDER BY job_id, task, attempt";

impl Database {
    /// The first column of the first row, of a query that both databases understand.
    ///
    /// # Panics
    /// When the query fails.
    pub async fn number(&self, sql: &str) -> i64 {
        if self.is_postgres() {
            let mut connection = self.open_postgres().await;
            let value = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection);
            value.await.unwrap_or_else(|error| panic!("{sql}: {error}"))
        } else {
            let mut connection = self.open_sqlite().await;
            let value = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection);
            value.await.unwrap_or_else(|error| panic!("{sql}: {error}"))
        }
    }

    /// # Panics
    /// When the statements fail.
    pub async fn execute(&self, sql: &str) {
        if self.is_postgres() {
            let mut connection = self.open_postgres().await;
            let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection);
            done.await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        } else {
            let mut connection = self.open_sqlite().await;
            let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection);
            done.await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }

    /// Every attempt that was ever written down.
    ///
    /// # Panics
    /// When they cannot be read.
    pub async fn attempts(&self) -> Vec<StoredAttempt> {
        if self.is_postgres() {
            let mut connection = self.open_postgres().await;
            let rows = sqlx::query(ATTEMPTS_ON_POSTGRES).fetch_all(&mut connection);
            let rows = rows.await.expect("readable attempts");
            let attempt = |row: &sqlx::postgres::PgRow| StoredAttempt {
                job: row.get(0),
                task: row.get(1),
                attempt: row.get(2),
                state: row.get(3),
            };
            rows.iter().map(attempt).collect()
        } else {
            let mut connection = self.open_sqlite().await;
            let rows = sqlx::query(ATTEMPTS_ON_SQLITE).fetch_all(&mut connection);
            let rows = rows.await.expect("readable attempts");
            let attempt = |row: &sqlx::sqlite::SqliteRow| StoredAttempt {
                job: with_hyphens(&row.get::<String, _>(0)),
                task: row.get(1),
                attempt: row.get(2),
                state: row.get(3),
            };
            rows.iter().map(attempt).collect()
        }
    }

    async fn open_postgres(&self) -> PgConnection {
        PgConnection::connect(self.url())
            .await
            .expect("connects to the database")
    }

    async fn open_sqlite(&self) -> SqliteConnection {
        SqliteConnection::connect(self.url())
            .await
            .expect("opens the database")
    }
}

fn with_hyphens(id: &str) -> String {
    id.parse::<uuid::Uuid>()
        .expect("an id of a job")
        .to_string()
}
