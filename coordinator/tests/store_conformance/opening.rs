use drover_coordinator::store::{self, StoreError};
use drover_model::turn::SealedTurn;

use crate::{
    databases::{Database, postgres_server, with_database},
    fixtures::{Leader, everything, full_attempt, full_job},
    nodes::node,
};

/// `Store` has no `Debug`, so `expect_err` is not to be had.
async fn refusal(url: &str) -> StoreError {
    match store::open(url).await {
        Ok(_) => panic!("{url} opens"),
        Err(error) => error,
    }
}

pub(crate) async fn what_is_committed_survives_reopening(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    leader
        .commit(SealedTurn {
            attempts: vec![full_attempt(1, 0, 1)],
            nodes: vec![node("n1")],
            ..leader.with_jobs(vec![full_job(1)])
        })
        .await;
    let before = everything(&*database.store).await;
    let Database { store, url } = database;
    drop((leader, store));
    let reopened = store::open(&url).await.expect("opens again");
    assert_eq!(everything(&*reopened).await, before);
}

pub(crate) async fn a_newer_schema_is_refused(database: Database) {
    let empty = if database.url.starts_with("sqlite") {
        "x''"
    } else {
        "''"
    };
    database
        .execute(&format!(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9999, 'of the future', true, {empty}, 0)"
        ))
        .await;
    let error = refusal(&database.url).await;
    assert!(
        matches!(error, StoreError::NewerSchema { found: 9999, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn an_unknown_scheme_is_named() {
    for url in ["mysql://root:secret@localhost/x", "drover.db", ""] {
        let error = refusal(url).await;
        assert!(matches!(error, StoreError::UnknownScheme(_)), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn sqlite_names_the_file_that_it_cannot_open() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("missing/test.db");
    let error = refusal(&format!("sqlite:{}", path.display())).await;
    assert!(
        matches!(&error, StoreError::File { path: named, .. } if *named == path),
        "{error}"
    );
    let file = directory.path().join("notes.txt");
    std::fs::write(
        &file,
        "not a database, however often one tries to open it as such".repeat(100),
    )
    .expect("writes");
    refusal(&format!("sqlite:{}", file.display())).await;
    refusal("sqlite::memory:").await;
}

#[tokio::test]
async fn postgres_says_what_is_wrong_with_an_address_and_no_password() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("is bound").port();
    drop(listener);
    let error = refusal(&format!("postgres://user:secret@127.0.0.1:{port}/drover")).await;
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    assert!(
        error.to_string().contains(&format!("127.0.0.1:{port}")),
        "{error}"
    );
    assert!(!error.to_string().contains("secret"), "{error}");
    let error = refusal("postgres://user:secret@127.0.0.1:port/drover").await;
    assert!(matches!(error, StoreError::InvalidAddress(_)), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn postgres_says_which_database_is_missing() {
    let Some(server) = postgres_server() else {
        return;
    };
    let error = refusal(&with_database(&server, "drover_test_missing")).await;
    assert!(
        matches!(&error, StoreError::NoDatabase { database, .. } if database == "drover_test_missing"),
        "{error}"
    );
}
