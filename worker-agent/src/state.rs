//! What outlives the agent's process, in a directory that one agent has at a time.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::{ffi::OsStrExt as _, fs::DirBuilderExt as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;

use crate::AgentError;

/// An agent that was killed may have left its guard, which holds the lock until it has killed everything.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Files in it: `lock`, held by the agent and its guard, with the process id; `incarnation`, the last one; `cgroup`,
/// where the processes of the last one are; `journal`; and `attempts/`, which lives as long as one agent process.
#[derive(Debug)]
pub(crate) struct StateDir {
    path: PathBuf,
    lock: File,
    /// Of this process, larger than all before.
    pub(crate) incarnation: u64,
}

/// Where people expect it. `None` when there is no home.
pub(crate) fn default_dir(node: &str) -> Option<PathBuf> {
    let base = if nix::unistd::geteuid().is_root() {
        PathBuf::from("/var/lib")
    } else {
        let absolute = |name| {
            let path = PathBuf::from(std::env::var_os(name)?);
            path.is_absolute().then_some(path)
        };
        absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?
    };
    Some(base.join("drover/agents").join(file_name(node)))
}

/// The name of a node as the name of a file: what could mean something else is written in hexadecimal.
pub(crate) fn file_name(node: &str) -> String {
    let mut name = String::new();
    for (place, byte) in node.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() || b"_-".contains(&byte) || (byte == b'.' && place > 0) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02x}"));
        }
    }
    name
}

impl StateDir {
    /// Waits a little for the guard of an agent that was killed, so that nothing of it runs any more.
    pub(crate) async fn open(path: &Path) -> Result<Self, AgentError> {
        let error = |what| {
            move |source| AgentError::StateDir {
                path: path.to_owned(),
                what,
                source,
            }
        };
        let mut directories = DirBuilder::new();
        let made = directories.recursive(true).mode(0o700).create(path);
        made.map_err(error("make the directory"))?;
        // Tasks are told of files in it, and run elsewhere.
        let absolute = fs::canonicalize(path).map_err(error("find the directory"))?;
        let path = absolute.as_path();
        let lock = lock(path).await?;
        let _ = fs::remove_dir_all(path.join("attempts"));
        fs::create_dir(path.join("attempts")).map_err(error("make a directory in it"))?;
        let incarnation = next_incarnation(path).map_err(error("keep the incarnation"))?;
        Ok(Self {
            path: path.to_owned(),
            lock,
            incarnation,
        })
    }

    /// To be held by the guard as well.
    pub(crate) fn lock(&self) -> io::Result<File> {
        self.lock.try_clone()
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.path.join("journal")
    }

    /// For files that tasks are told of.
    pub(crate) fn attempts(&self) -> PathBuf {
        self.path.join("attempts")
    }

    /// Where the incarnation before had its processes.
    pub(crate) fn last_cgroup(&self) -> Option<PathBuf> {
        let bytes = fs::read(self.path.join("cgroup")).ok()?;
        Some(PathBuf::from(std::ffi::OsStr::from_bytes(&bytes)))
    }

    pub(crate) fn keep_cgroup(&self, path: &Path) -> io::Result<()> {
        replace(&self.path.join("cgroup"), path.as_os_str().as_bytes())
    }
}

impl Drop for StateDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.attempts());
    }
}

async fn lock(path: &Path) -> Result<File, AgentError> {
    let failed = |source| AgentError::StateDir {
        path: path.to_owned(),
        what: "lock it",
        source,
    };
    let name = path.join("lock");
    let mut options = OpenOptions::new();
    let options = options.create(true).truncate(false).read(true).write(true);
    let mut file = options.open(&name).map_err(failed)?;
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                tokio::time::sleep(LOCK_PAUSE).await;
            }
            Err(TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&name).unwrap_or_default();
                return Err(AgentError::StateDirInUse {
                    path: path.to_owned(),
                    holder: holder.trim().to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
    let told = file.set_len(0);
    let told = told.and_then(|()| writeln!(file, "{}", std::process::id()));
    told.map_err(failed)?;
    Ok(file)
}

/// Milliseconds of the wall clock, unless that went back.
fn next_incarnation(path: &Path) -> io::Result<u64> {
    let name = path.join("incarnation");
    let last = match fs::read_to_string(&name) {
        Ok(text) => text.trim().parse().map_err(|_| {
            let problem = format!(
                "{} holds no number; remove it if the clock of this host was never set back",
                name.display()
            );
            io::Error::new(io::ErrorKind::InvalidData, problem)
        })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let incarnation = now.max(u64::saturating_add(last, 1));
    replace(&name, incarnation.to_string().as_bytes())?;
    Ok(incarnation)
}

/// All of it or nothing, durable.
pub(crate) fn replace(name: &Path, content: &[u8]) -> io::Result<()> {
    let next = name.with_extension("next");
    let mut file = File::create(&next)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&next, name)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::{StateDir, file_name};
    use crate::AgentError;

    #[test]
    fn names_of_nodes_become_names_of_files() {
        for (node, file) in [
            ("n-1.local", "n-1.local"),
            ("a/../b", "a%2f..%2fb"),
            ("..", "%2e."),
            ("ä b", "%c3%a4%20b"),
        ] {
            assert_eq!(file_name(node), file);
        }
    }

    async fn incarnation(path: &Path) -> u64 {
        StateDir::open(path).await.expect("free").incarnation
    }

    #[tokio::test]
    async fn incarnations_grow_also_when_the_clock_went_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("made/on/the/way");
        let first = incarnation(&path).await;
        assert!(incarnation(&path).await > first);
        fs::write(path.join("incarnation"), "99999999999999").expect("written");
        assert_eq!(incarnation(&path).await, 100_000_000_000_000);
        fs::write(path.join("incarnation"), "what?").expect("written");
        let error = StateDir::open(&path).await.expect_err("no number");
        assert!(error.to_string().contains("holds no number"), "{error}");
    }

    #[tokio::test]
    async fn one_agent_has_it_at_a_time() {
        let directory = tempfile::tempdir().expect("a directory");
        let first = StateDir::open(directory.path()).await.expect("free");
        let error = StateDir::open(directory.path()).await.expect_err("taken");
        assert!(matches!(error, AgentError::StateDirInUse { .. }), "{error}");
        let told = error.to_string();
        let process = format!("another agent, process {}:", std::process::id());
        assert!(told.contains(&process), "{told}");
        drop(first);
        StateDir::open(directory.path()).await.expect("free again");
    }
}
