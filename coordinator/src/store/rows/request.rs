use drover_model::{JobId, TurnNumber};
use sqlx::FromRow;
use uuid::Uuid;

use super::Place;
use crate::store::{FoundRequest, StoreError, lease};

/// A request that is known, or only the turn when none is.
#[derive(FromRow)]
pub(in crate::store) struct RequestColumns {
    turn: i64,
    namespace: Option<String>,
    request_id: Option<String>,
    id: Option<Uuid>,
    spec: Option<Vec<u8>>,
}

pub(in crate::store) fn found_requests(
    rows: Vec<RequestColumns>,
) -> Result<(TurnNumber, Vec<FoundRequest>), StoreError> {
    let turn = rows.first().map_or_else(
        || Err(Place::in_table("lease").corrupt("id", &"none")),
        |row| lease::turn(row.turn),
    )?;
    let found = rows
        .into_iter()
        .filter_map(|row| {
            Some(FoundRequest {
                namespace: row.namespace?.into(),
                request_id: row.request_id?.into(),
                job: JobId(row.id?),
                stored_spec: row.spec?.into(),
            })
        })
        .collect();
    Ok((turn, found))
}
