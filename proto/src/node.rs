//! Nodes as users see them.
