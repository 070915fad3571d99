//! When somebody asks the process to end.

use tokio::signal::unix::{SignalKind, signal};

use crate::error::CliError;

/// Listens from the moment it is made, so that no request is missed.
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    pub(crate) fn listen() -> Result<Self, CliError> {
        let listen = |kind| signal(kind).map_err(CliError::io("cannot listen for signals"));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    pub(crate) async fn asked_to_end(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// A second request ends the process at once; guards kill what still runs.
    pub(crate) fn then_at_once(mut self) {
        tokio::spawn(async move {
            self.asked_to_end().await;
            std::process::exit(130);
        });
    }
}
