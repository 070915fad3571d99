//! The store under measurement.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use drover_coordinator::store::{self, Store};
use tonic::transport::Uri;

use super::{
    cpu::{self, Group},
    error::BenchError,
};

const POSTGRES_PORT: u16 = 5432;

/// The store, and where it is.
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) store: Arc<dyn Store>,
    /// Where the syncs of the disk are measured.
    pub(crate) directory: PathBuf,
}

impl Target {
    /// The given store, else a SQLite file in `temporary`.
    pub(crate) async fn open(given: Option<&str>, temporary: &Path) -> Result<Self, BenchError> {
        let url = match given {
            Some(url) => url.to_owned(),
            None => format!("sqlite:{}", temporary.join("drover.db").display()),
        };
        let file = url
            .strip_prefix("sqlite:")
            .map(|path| Path::new(path.strip_prefix("//").unwrap_or(path)));
        let directory = match file.and_then(Path::parent) {
            Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
            Some(parent) => parent.to_owned(),
            None => temporary.to_owned(),
        };
        Ok(Self {
            store: store::open(&url).await?,
            url,
            directory,
        })
    }

    /// Address of the PostgreSQL server, if it is one.
    pub(crate) fn postgres(&self) -> Option<&str> {
        self.url
            .starts_with("postgres")
            .then_some(self.url.as_str())
    }

    /// The server's processes, if they can be seen from here.
    pub(crate) fn server(&self) -> Option<(&'static str, Group)> {
        let uri: Uri = self.postgres()?.parse().ok()?;
        let is_local = uri.host().is_some_and(cpu::is_local);
        let port = uri.port_u16().unwrap_or(POSTGRES_PORT);
        let pid = is_local.then(|| cpu::listener(port)).flatten()?;
        Some(("postgres", Group::Tree(pid)))
    }
}
