use drover_model::PolicyEventRow;
use sqlx::{Connection, SqliteConnection};

use super::{batches, lease::BEGIN, writer::Writer};
use crate::store::{NewPolicy, StoreError, policies};

const INSERT_EVENTS: &str = "INSERT INTO policy_events (at, kind, from_version, to_version, who, why) \
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM jsonb_each($1)";

const RETIRE: &str = "UPDATE policies SET state = 'retired' WHERE state = 'live'";

const KNOW: &str = "INSERT INTO policies (version, state, created_at, command, note) \
    SELECT value ->> 3, 'retired', min(value ->> 0), '', '' FROM jsonb_each($1) WHERE true GROUP BY value ->> 3 \
    ON CONFLICT (version) DO UPDATE SET state = 'retired'";

const USE: &str =
    "UPDATE policies SET state = 'live' WHERE version = json_extract($1, '$[#-1][3]')";

/// What was live is retired, and the last that a switch names is live.
pub(super) async fn switch(
    connection: &mut SqliteConnection,
    events: &[PolicyEventRow],
) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let batch = batches::policy_events(events).into_json();
    sqlx::query(INSERT_EVENTS)
        .bind(&batch)
        .execute(&mut *connection)
        .await?;
    sqlx::query(RETIRE).execute(&mut *connection).await?;
    for statement in [KNOW, USE] {
        sqlx::query(statement)
            .bind(&batch)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

pub(super) async fn add(
    writer: &Writer,
    new: &NewPolicy,
    event: &PolicyEventRow,
) -> Result<bool, StoreError> {
    let mut connection = writer.borrow().await?;
    let mut transaction = connection.begin_with(BEGIN).await?;
    let added = policies::add(&mut *transaction, new, event).await?;
    transaction.commit().await?;
    connection.give_back();
    Ok(added)
}
