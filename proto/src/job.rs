//! Jobs as users see them.
