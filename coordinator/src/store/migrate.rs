//! Bringing the schema up to date, and what a person is told when it does not fit the program.

use sqlx::migrate::{Migrate, MigrateError, Migrator};

use super::StoreError;

pub(super) async fn run(
    migrations: &Migrator,
    connection: &mut impl Migrate,
) -> Result<(), StoreError> {
    // Not `run`: the future of that, for a borrowed connection, cannot be proved to be Send.
    migrations
        .run_direct(None, connection, false)
        .await
        .map_err(|error| explain(migrations, &error))
}

fn explain(migrations: &Migrator, error: &MigrateError) -> StoreError {
    let known = migrations
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0);
    match *error {
        MigrateError::VersionMissing(found) if found > known => {
            StoreError::NewerSchema { found, known }
        }
        MigrateError::VersionMissing(version) | MigrateError::VersionMismatch(version) => {
            StoreError::ChangedSchema(version)
        }
        ref other => StoreError::Migration(other.to_string()),
    }
}
