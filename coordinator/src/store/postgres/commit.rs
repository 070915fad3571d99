//! One turn: one call of the function `commit_turn`, one round trip.

use std::time::Duration;

use drover_model::turn::{CommitOutcome, SealedTurn};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, postgres::PgConnectOptions};
use tokio::sync::Mutex;

use super::{
    call::call,
    outcome::{outcome, refused, unknown},
};
use crate::store::{StoreError, lease::milliseconds};

/// The connection that commits.
pub(super) struct Writer {
    connection: PgConnection,
    /// What its timeouts were made for.
    term: Duration,
}

/// The writer leaves its slot while it works: a call that is dropped halfway takes its connection with it.
pub(super) async fn commit(
    slot: &Mutex<Option<Writer>>,
    options: &PgConnectOptions,
    turn: &SealedTurn,
    term: Duration,
) -> CommitOutcome {
    let call = match call(turn, term) {
        Ok(call) => call,
        Err(error) => return refused(turn, &error),
    };
    let mut slot = slot.lock().await;
    // The server gives up at half the term; past three quarters it is not going to say so any more.
    let limit = term * 3 / 4;
    let attempt = async {
        let mut writer = match slot.take().filter(|writer| writer.term == term) {
            Some(writer) => writer,
            None => connect(options, term).await?,
        };
        let answer = call.fetch_one(&mut writer.connection).await;
        Ok((writer, answer))
    };
    match tokio::time::timeout(limit, attempt).await {
        Ok(Ok((writer, answer))) => {
            let outcome = outcome(turn, answer);
            if outcome != CommitOutcome::Unknown {
                *slot = Some(writer);
            }
            outcome
        }
        Ok(Err(error)) => unknown(turn, &error),
        Err(_) => unknown(turn, &StoreError::TimedOut(limit)),
    }
}

/// Plans must hold when a table has grown a thousandfold since they were made: always by index, never by reading whole
/// tables, and made once.
async fn connect(options: &PgConnectOptions, term: Duration) -> Result<Writer, StoreError> {
    let mut connection = options.connect().await?;
    let timeout_ms = (milliseconds(term) / 2).max(1);
    let settings = format!(
        "SET statement_timeout = {timeout_ms}; SET idle_in_transaction_session_timeout = {timeout_ms}; \
         SET plan_cache_mode = force_generic_plan; SET jit = off; \
         SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
    );
    sqlx::raw_sql(AssertSqlSafe(settings))
        .execute(&mut connection)
        .await?;
    Ok(Writer { connection, term })
}
