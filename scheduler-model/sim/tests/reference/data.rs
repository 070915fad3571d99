//! Where the shared files are.

use std::path::{Path, PathBuf};

use drover_sim::trace::{
    ParseTraceError, Skipped, Trace,
    alibaba::{self, AlibabaOptions},
    format::Format,
    history, philly,
    read::TraceFile,
    swf::{self, SwfOptions},
    tpch,
};

/// GPUs of the smaller pool of the reference figures.
const POOL_GPUS: u32 = 1_152;

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

/// As the first thing that comes to mind: a log as a whole, a pool of [`POOL_GPUS`], the published batch of queries.
pub(crate) fn parse(file: &TraceFile, lenient: bool) -> Result<(Trace, Skipped), ParseTraceError> {
    let TraceFile { name, content, .. } = file;
    match file.format {
        Format::Swf => {
            let options = SwfOptions {
                lenient,
                ..SwfOptions::default()
            };
            let log = swf::parse(content, options)?;
            Ok((log.trace(name), log.skipped))
        }
        Format::Philly => {
            let log = philly::parse(content, lenient)?;
            Ok((log.trace(name, POOL_GPUS, None)?, log.skipped))
        }
        Format::Alibaba => {
            let options = AlibabaOptions {
                lenient,
                ..AlibabaOptions::default()
            };
            alibaba::parse(content, name, options)
        }
        Format::History => history::parse(content, name, lenient),
        Format::Tpch => {
            let set = tpch::parse(content, name)?;
            Ok((tpch::Load::default().trace(&[set])?, Skipped::default()))
        }
    }
}
