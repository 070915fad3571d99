//! A fresh database per test, gone when the test has ended, also when it has failed.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc};

use drover_coordinator::store::{self, Store};
use futures_util::FutureExt;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

pub(crate) struct Database {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) url: String,
}

impl Database {
    /// Another coordinator's view of the same database.
    pub(crate) async fn second_store(&self) -> Arc<dyn Store> {
        store::open(&self.url).await.expect("opens again")
    }

    /// Runs a statement behind the store's back.
    pub(crate) async fn execute(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        if let Some(path) = self.url.strip_prefix("sqlite:") {
            let mut connection = SqliteConnection::connect(path).await.expect("connects");
            connection.execute(sql).await.expect("executes");
        } else {
            self.postgres().await.execute(sql).await.expect("executes");
        }
    }

    pub(crate) async fn postgres(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.expect("connects")
    }
}

pub(crate) async fn on_sqlite<Test: Future<Output = ()>>(test: impl FnOnce(Database) -> Test) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let url = format!("sqlite:{}", directory.path().join("test.db").display());
    let store = store::open(&url).await.expect("opens a new file");
    test(Database { store, url }).await;
}

pub(crate) async fn on_postgres<Test: Future<Output = ()>>(test: impl FnOnce(Database) -> Test) {
    let Some(server) = postgres_server() else {
        return;
    };
    let name = format!("drover_test_{}", uuid::Uuid::now_v7().simple());
    administer(&server, format!("CREATE DATABASE {name}")).await;
    let url = with_database(&server, &name);
    let store = store::open(&url).await.expect("opens a new database");
    let ended = AssertUnwindSafe(test(Database { store, url }))
        .catch_unwind()
        .await;
    administer(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
    if let Err(failure) = ended {
        std::panic::resume_unwind(failure);
    }
}

/// A maintenance database of a server where databases may be created.
pub(crate) fn postgres_server() -> Option<String> {
    if let Ok(server) = std::env::var("DROVER_TEST_POSTGRES") {
        return Some(server);
    }
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    assert!(
        !set("DROVER_REQUIRE_POSTGRES") && !set("CI"),
        "DROVER_TEST_POSTGRES must name a PostgreSQL server here"
    );
    eprintln!(
        "SKIPPED: no PostgreSQL; set DROVER_TEST_POSTGRES=postgres://USER@HOST:PORT/postgres"
    );
    None
}

pub(crate) fn with_database(server: &str, name: &str) -> String {
    let (address, parameters) = match server.split_once('?') {
        Some((address, parameters)) => (address, format!("?{parameters}")),
        None => (server, String::new()),
    };
    let (address, _) = address
        .rsplit_once('/')
        .expect("the server's address ends in /DATABASE");
    format!("{address}/{name}{parameters}")
}

async fn administer(server: &str, sql: String) {
    let mut connection = PgConnection::connect(server)
        .await
        .expect("connects to the test server");
    connection
        .execute(AssertSqlSafe(sql))
        .await
        .expect("may create and drop databases");
}
