//! Stores for coordinators: a file, or a database of its own on the PostgreSQL server of the tests.

use std::{net::SocketAddr, path::Path};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::PostgresServer;

/// A store that is gone when the test has ended.
#[derive(Debug)]
pub struct Database {
    url: String,
    /// The server to remove it from.
    postgres: Option<(String, String)>,
}

impl Database {
    /// A file in the directory of the test.
    pub fn sqlite(directory: &Path) -> Self {
        Self {
            url: format!("sqlite:{}", directory.join("drover.db").display()),
            postgres: None,
        }
    }

    /// A new database; `None`, said loudly, where the tests have no server.
    ///
    /// # Panics
    /// When there has to be a server and is none, or it refuses.
    pub async fn postgres() -> Option<Self> {
        Some(Self::on(&server()?).await)
    }

    /// A new database on a server that the test may stop.
    pub async fn on_server(server: &PostgresServer) -> Self {
        let mut database = Self::on(server.url()).await;
        // Goes with the server.
        database.postgres = None;
        database
    }

    async fn on(server: &str) -> Self {
        let name = format!("drover_test_{}", uuid::Uuid::now_v7().simple());
        administer(server, &format!("CREATE DATABASE {name}")).await;
        let (address, _) = server.rsplit_once('/').expect("the address of a database");
        Self {
            url: format!("{address}/{name}"),
            postgres: Some((server.to_owned(), name)),
        }
    }

    /// What `--store` and `DATABASE_URL` take.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres")
    }

    /// On its PostgreSQL server.
    pub(crate) fn name(&self) -> &str {
        let (_, name) = self
            .url
            .rsplit_once('/')
            .expect("postgres://USER@HOST/NAME");
        name
    }

    /// Nobody reads or writes the table until what this gives is dropped.
    ///
    /// # Panics
    /// When the store is a file, or has no such table.
    pub async fn lock(&self, table: &str) -> PgConnection {
        let mut holder = PgConnection::connect(&self.url).await.expect("connects");
        let lock = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
        sqlx::raw_sql(AssertSqlSafe(lock))
            .execute(&mut holder)
            .await
            .expect("locks");
        holder
    }

    /// Host and port of the server.
    ///
    /// # Panics
    /// When the store is a file.
    pub(crate) fn host(&self) -> &str {
        let (_, after_user) = self.url.split_once('@').expect("postgres://USER@HOST/NAME");
        let (host, _) = after_user
            .split_once('/')
            .expect("postgres://USER@HOST/NAME");
        host
    }

    /// The same database by way of a proxy. It reads what goes over the wire, so there is no encryption.
    pub(crate) fn url_through(&self, proxy: SocketAddr) -> String {
        let url = self.url.replacen(self.host(), &proxy.to_string(), 1);
        format!("{url}?sslmode=disable")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some((server, name)) = self.postgres.take() else {
            return;
        };
        // On a thread of its own: the test's runtime is busy with ending.
        let dropping = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime")
                .block_on(administer(
                    &server,
                    &format!("DROP DATABASE {name} WITH (FORCE)"),
                ));
        });
        if dropping.join().is_err() {
            eprintln!("the database of the test stays behind");
        }
    }
}

/// A maintenance database of a server where databases may be created.
pub(crate) fn server() -> Option<String> {
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

pub(crate) async fn administer(server: &str, sql: &str) {
    let mut connection = PgConnection::connect(server)
        .await
        .expect("connects to the server of the tests");
    connection
        .execute(AssertSqlSafe(sql))
        .await
        .expect("may create and drop databases");
}
