//! Where the shared files are.

use std::path::{Path, PathBuf};

/// A file of the shared data. `None`, and a line that says so, if it is not there.
#[expect(
    clippy::disallowed_methods,
    reason = "where files are is not simulated"
)]
pub(crate) fn path(file: &str) -> Option<PathBuf> {
    let root = std::env::var("DROVER_SHARED_DATA").map_or_else(
        |_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = root.join(file);
    if path.is_file() {
        return Some(path);
    }
    eprintln!(
        "SKIPPED: {} is not there; set DROVER_SHARED_DATA to the folder that has {file}",
        path.display()
    );
    None
}

pub(crate) fn bytes(file: &str) -> Option<Vec<u8>> {
    Some(std::fs::read(path(file)?).expect("a shared file can be read"))
}
