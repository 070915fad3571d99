//! The files that an attempt is told of.

use std::{fs, io, path::PathBuf, process::Command};

use super::{Host, Launch, instance, progress::Progress};

/// They are removed with this.
#[derive(Debug)]
pub(super) struct Files {
    /// `None` when it need not report progress.
    pub(super) progress: Option<Progress>,
    /// `None` when the addresses of its gang fit into a variable, or it has none.
    peers: Option<PeersFile>,
}

impl Files {
    /// # Errors
    /// For people.
    pub(super) fn make(launch: &Launch, host: &Host) -> Result<Self, String> {
        let key = launch.names.key;
        let path = host
            .attempts_dir
            .join(format!("{}-{}-{}", key.job, key.task, key.attempt));
        let explain = |what| {
            move |error| {
                format!(
                    "cannot make the file {what}, in {} on node {}: {error}",
                    host.attempts_dir.display(),
                    host.node
                )
            }
        };
        let limit = launch.limits.progress_timeout;
        let progress = limit.map(|limit| Progress::begin(path.clone(), limit));
        let progress = progress
            .transpose()
            .map_err(explain("in which it is to report progress"))?;
        let instance = launch.names.instance.as_ref();
        let peers = instance.and_then(instance::long_peers);
        let peers = peers.map(|peers| PeersFile::write(path.with_extension("peers"), &peers));
        let peers = peers
            .transpose()
            .map_err(explain("with the addresses of its gang"))?;
        Ok(Self { progress, peers })
    }

    /// Says where they are.
    pub(super) fn introduce(&self, command: &mut Command) {
        if let Some(progress) = &self.progress {
            command.env("DROVER_PROGRESS_FILE", progress.file());
        }
        if let Some(PeersFile(path)) = &self.peers {
            command.env("DROVER_GANG_PEERS_FILE", path);
        }
    }
}

/// The addresses of a gang, one a line. Removed when it is dropped.
#[derive(Debug)]
struct PeersFile(PathBuf);

impl PeersFile {
    fn write(path: PathBuf, peers: &str) -> io::Result<Self> {
        // What was begun is removed as well.
        let file = Self(path);
        fs::write(&file.0, peers)?;
        Ok(file)
    }
}

impl Drop for PeersFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
