//! Directed acyclic graphs of tasks.
