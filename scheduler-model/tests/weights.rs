//! Weights files: what is refused and why, what is matched by name, and that files of before can still be read.

#[path = "weights/files.rs"]
mod files;
#[path = "weights/matched.rs"]
mod matched;
#[path = "weights/refused.rs"]
mod refused;
#[path = "weights/shipped.rs"]
mod shipped;
