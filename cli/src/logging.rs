//! Logs go to the standard error, above the progress view if one is shown.

use std::io::{self, IsTerminal as _, Write};

use tracing_subscriber::EnvFilter;

use crate::{error::CliError, progress};

/// `filter`, else `RUST_LOG`, else `default`.
pub(crate) fn start(filter: Option<&str>, default: &str) -> Result<(), CliError> {
    let filter = match filter {
        Some(text) => EnvFilter::try_new(text)
            .map_err(|error| CliError::Usage(format!("--log `{text}`: {error}")))?,
        None => EnvFilter::try_from_default_env().unwrap_or_else(|_| default.into()),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(|| AboveProgress)
        .init();
    Ok(())
}

struct AboveProgress;

impl Write for AboveProgress {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        progress::screen().suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
