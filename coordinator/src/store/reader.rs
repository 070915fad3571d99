//! Queries that either database answers, so that a read is written once.

use drover_model::JobId;
use futures_util::stream::BoxStream;
use uuid::Uuid;

use super::{StoreError, cells::Cells};

/// A value for a placeholder.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Id(JobId),
    Ids(Vec<JobId>),
    Text(&'a str),
    OptionalText(Option<&'a str>),
    Texts(Vec<&'a str>),
    Integer(i32),
    Big(i64),
    OptionalBig(Option<i64>),
    OptionalBytes(Option<&'a [u8]>),
}

impl Value<'_> {
    /// Where a page begins: below this id.
    pub(super) fn before(job: Option<JobId>) -> Self {
        Self::Id(job.unwrap_or(JobId(Uuid::max())))
    }
}

/// Statements that each database has in its own words.
pub(super) trait Dialect {
    /// See [`super::queries::page`]; the last value is the states, or none for all.
    const JOBS: &'static str;
    /// The same for states of which none is final.
    const OPEN_JOBS: &'static str;
    /// See [`super::queries::first_failures`].
    const FIRST_FAILURES: &'static str;
    /// Ids and specs of the jobs that the value names.
    const SPECS: &'static str;
}

/// A pool, or a transaction.
pub(super) trait Reader: Send {
    type Row: Cells + Dialect + Send;

    fn rows(
        &mut self,
        sql: &'static str,
        values: Vec<Value<'_>>,
    ) -> impl Future<Output = Result<Vec<Self::Row>, StoreError>> + Send;
}

/// Reads what is too much to be held at once.
pub(super) trait Streaming: Reader {
    fn stream(&mut self, sql: &'static str) -> BoxStream<'_, Result<Self::Row, sqlx::Error>>;
}
