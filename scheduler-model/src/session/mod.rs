//! The agent side: outbox, reconcile.
