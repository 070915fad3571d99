//! Rows of either database, read by place: looking the names of columns up would cost more than everything else when a
//! million rows are loaded.

use sqlx::{Row, postgres::PgRow, sqlite::SqliteRow};
use uuid::Uuid;

/// Cells of a row, by their place in the SELECT.
pub(super) trait Cells {
    fn uuid(&self, place: usize) -> Result<Uuid, sqlx::Error>;
    fn optional_uuid(&self, place: usize) -> Result<Option<Uuid>, sqlx::Error>;
    fn text(&self, place: usize) -> Result<&str, sqlx::Error>;
    fn optional_text(&self, place: usize) -> Result<Option<&str>, sqlx::Error>;
    fn bytes(&self, place: usize) -> Result<&[u8], sqlx::Error>;
    fn optional_bytes(&self, place: usize) -> Result<Option<&[u8]>, sqlx::Error>;
    fn truth(&self, place: usize) -> Result<bool, sqlx::Error>;
    fn small(&self, place: usize) -> Result<i16, sqlx::Error>;
    fn integer(&self, place: usize) -> Result<i32, sqlx::Error>;
    fn optional_integer(&self, place: usize) -> Result<Option<i32>, sqlx::Error>;
    fn big(&self, place: usize) -> Result<i64, sqlx::Error>;
    fn optional_big(&self, place: usize) -> Result<Option<i64>, sqlx::Error>;
}

macro_rules! cells {
    ($row:ty { $($name:ident -> $type:ty),+ $(,)? }) => {
        impl Cells for $row {
            $(fn $name(&self, place: usize) -> Result<$type, sqlx::Error> {
                self.try_get(place)
            })+
        }
    };
    ($($row:ty),+) => {
        $(cells!($row {
            uuid -> Uuid,
            optional_uuid -> Option<Uuid>,
            text -> &str,
            optional_text -> Option<&str>,
            bytes -> &[u8],
            optional_bytes -> Option<&[u8]>,
            truth -> bool,
            small -> i16,
            integer -> i32,
            optional_integer -> Option<i32>,
            big -> i64,
            optional_big -> Option<i64>,
        });)+
    };
}

cells!(PgRow, SqliteRow);
