//! What queues give to the tasks of jobs that are submitted now.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use drover_model::QueueRow;
use drover_proto::{spec, v1};

type Key = (Arc<str>, Arc<str>);

/// Settings of all queues, as last committed. Filled at take-over, and kept up to date while this coordinator leads.
#[derive(Debug, Default)]
pub(crate) struct QueueDefaults {
    by_name: RwLock<BTreeMap<Key, Arc<v1::QueueDefaults>>>,
}

impl QueueDefaults {
    /// Forgets what was known before.
    pub(crate) fn load(&self, rows: &[QueueRow]) {
        let loaded = rows
            .iter()
            .map(|row| (key(row), Arc::new(settings(row))))
            .collect();
        *self.by_name.write().unwrap_or_else(PoisonError::into_inner) = loaded;
    }

    /// Takes over what a commit has made durable.
    pub(crate) fn update(&self, rows: &[QueueRow]) {
        if rows.is_empty() {
            return;
        }
        let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            by_name.insert(key(row), Arc::new(settings(row)));
        }
    }

    /// `None` when nobody has set anything.
    pub(crate) fn find(&self, namespace: &str, queue: &str) -> Option<Arc<v1::QueueDefaults>> {
        let by_name = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        if by_name.is_empty() {
            return None;
        }
        by_name
            .get(&(Arc::from(namespace), Arc::from(queue)))
            .map(Arc::clone)
    }
}

fn key(row: &QueueRow) -> Key {
    (Arc::clone(&row.namespace), Arc::clone(&row.name))
}

/// What is stored of a queue. Settings that cannot be read give nothing, rather than to keep a coordinator from leading.
fn settings(row: &QueueRow) -> v1::QueueDefaults {
    spec::queue_defaults(row).unwrap_or_else(|error| {
        tracing::error!(queue = %row.name, %error, "the settings of a queue cannot be read");
        v1::QueueDefaults::default()
    })
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    fn row(name: &str, retries: u32) -> QueueRow {
        let defaults = v1::QueueDefaults {
            retry: Some(v1::RetryRule {
                retries,
                ..Default::default()
            }),
            ..Default::default()
        };
        QueueRow {
            namespace: "default".into(),
            name: name.into(),
            settings: defaults.encode_to_vec().into(),
        }
    }

    fn retries(queues: &QueueDefaults, name: &str) -> Option<u32> {
        Some(queues.find("default", name)?.retry.as_ref()?.retries)
    }

    #[test]
    fn a_load_forgets_and_an_update_adds() {
        let queues = QueueDefaults::default();
        assert_eq!(retries(&queues, "a"), None);
        queues.load(&[row("a", 1)]);
        queues.update(&[row("a", 2), row("b", 3)]);
        assert_eq!(
            (retries(&queues, "a"), retries(&queues, "b")),
            (Some(2), Some(3))
        );
        queues.load(&[row("b", 4)]);
        assert_eq!(
            (retries(&queues, "a"), retries(&queues, "b")),
            (None, Some(4))
        );
        assert!(queues.find("other", "b").is_none());
    }
}
