use futures_util::stream::BoxStream;
use sqlx::{Executor as _, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use super::{batch::Batch, batches};
use crate::store::{
    StoreError,
    queries::{first_failures, page},
    reader::{Dialect, Reader, Streaming, Value},
    rows::{attempt_columns, count_of_page, job_columns},
};

impl Dialect for SqliteRow {
    const JOBS: &'static str = page!(
        from "jobs j", namespace "j.namespace", id "j.id", queue "j.queue",
        also "($5 = '[]' OR j.state IN (SELECT value FROM json_each($5)))"
    );
    const OPEN_JOBS: &'static str = page!(
        from "open_jobs o JOIN jobs j ON j.id = o.id", namespace "j.namespace", id "j.id", queue "j.queue",
        also "j.state IN (SELECT value FROM json_each($5))"
    );
    const FIRST_FAILURES: &'static str =
        first_failures!("IN (SELECT unhex(value ->> 0) FROM jsonb_each($1))");
    const SPECS: &'static str =
        "SELECT id, spec FROM jobs WHERE id IN (SELECT unhex(value ->> 0) FROM jsonb_each($1))";
}

impl Reader for &SqlitePool {
    type Row = SqliteRow;

    async fn rows(
        &mut self,
        sql: &'static str,
        values: Vec<Value<'_>>,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let mut connection = self.acquire().await?;
        (&mut *connection).rows(sql, values).await
    }
}

impl Reader for &mut SqliteConnection {
    type Row = SqliteRow;

    async fn rows(
        &mut self,
        sql: &'static str,
        values: Vec<Value<'_>>,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let mut query = sqlx::query(sql);
        for value in values {
            query = match value {
                Value::Id(id) => query.bind(id.0),
                Value::Ids(ids) => query.bind(batches::ids(ids).into_json()),
                Value::Text(text) => query.bind(text),
                Value::OptionalText(text) => query.bind(text),
                Value::Texts(texts) => query.bind(json(&texts)),
                Value::Integer(number) => query.bind(number),
                Value::Big(number) => query.bind(number),
                Value::OptionalBig(number) => query.bind(number),
                Value::OptionalBytes(bytes) => query.bind(bytes),
            };
        }
        Ok(query.fetch_all(&mut **self).await?)
    }
}

fn json(texts: &[&str]) -> String {
    let mut batch = Batch::new();
    for text in texts {
        batch.push(text);
    }
    batch.into_json()
}

impl Streaming for &mut SqliteConnection {
    fn stream(&mut self, sql: &'static str) -> BoxStream<'_, Result<SqliteRow, sqlx::Error>> {
        (&mut **self).fetch(sqlx::query(sql))
    }
}
