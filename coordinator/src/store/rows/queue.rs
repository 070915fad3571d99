use drover_model::QueueRow;
use sqlx::FromRow;

macro_rules! queue_columns {
    () => {
        "namespace, name, settings"
    };
}
pub(in crate::store) use queue_columns;

#[derive(FromRow)]
pub(in crate::store) struct QueueColumns {
    namespace: String,
    name: String,
    settings: Vec<u8>,
}

impl QueueColumns {
    pub(in crate::store) fn into_queue(self) -> QueueRow {
        QueueRow {
            namespace: self.namespace.into(),
            name: self.name.into(),
            settings: self.settings.into(),
        }
    }
}
