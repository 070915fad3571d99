use futures_util::stream::BoxStream;
use sqlx::{Executor as _, PgConnection, PgPool, postgres::PgRow};
use uuid::Uuid;

use super::pool::Borrowed;
use crate::store::{
    StoreError,
    queries::{first_failures, page},
    reader::{Dialect, Reader, Streaming, Value},
    rows::{attempt_columns, count_of_page, job_columns},
};

impl Dialect for PgRow {
    const JOBS: &'static str = page!(
        from "jobs j", namespace "j.namespace", id "j.id", queue "j.queue",
        also "($5 = '{}' OR j.state = ANY ($5))"
    );
    const OPEN_JOBS: &'static str = page!(
        from "open_jobs o JOIN jobs j ON j.id = o.id", namespace "j.namespace", id "j.id", queue "j.queue",
        also "j.state = ANY ($5)"
    );
    const FIRST_FAILURES: &'static str = first_failures!("= ANY ($1)");
    const SPECS: &'static str = "SELECT id, spec FROM jobs WHERE id = ANY ($1)";
}

impl Reader for &PgPool {
    type Row = PgRow;

    async fn rows(
        &mut self,
        sql: &'static str,
        values: Vec<Value<'_>>,
    ) -> Result<Vec<PgRow>, StoreError> {
        let mut connection = Borrowed::of(self).await?;
        let rows = (&mut *connection).rows(sql, values).await?;
        connection.give_back();
        Ok(rows)
    }
}

impl Reader for &mut PgConnection {
    type Row = PgRow;

    async fn rows(
        &mut self,
        sql: &'static str,
        values: Vec<Value<'_>>,
    ) -> Result<Vec<PgRow>, StoreError> {
        let mut query = sqlx::query(sql);
        for value in values {
            query = match value {
                Value::Id(id) => query.bind(id.0),
                Value::Ids(ids) => query.bind(ids.iter().map(|id| id.0).collect::<Vec<Uuid>>()),
                Value::Text(text) => query.bind(text),
                Value::OptionalText(text) => query.bind(text),
                Value::Texts(texts) => query.bind(texts),
                Value::Integer(number) => query.bind(number),
                Value::Big(number) => query.bind(number),
                Value::OptionalBig(number) => query.bind(number),
                Value::OptionalBytes(bytes) => query.bind(bytes),
            };
        }
        Ok(query.fetch_all(&mut **self).await?)
    }
}

impl Streaming for &mut PgConnection {
    fn stream(&mut self, sql: &'static str) -> BoxStream<'_, Result<PgRow, sqlx::Error>> {
        (&mut **self).fetch(sqlx::query(sql))
    }
}
