//! A process with a log, which does not outlive its test.

use std::{
    fs::File,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::process::Child;

use crate::{until, within_limit};

const SHOWN_OF_LOG_BYTES: usize = 20_000;

/// A running process in a group of its own.
#[derive(Debug)]
pub struct Process {
    name: String,
    group: Pid,
    child: Child,
    log: PathBuf,
    ended: bool,
}

impl Process {
    /// Starts it. What it writes goes to `NAME.log` in `directory`, after what an earlier one of the name has written.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(name: &str, directory: &Path, mut command: Command) -> Self {
        let log = directory.join(format!("{name}.log"));
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .expect("a log");
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a second handle"))
            .stderr(output)
            .process_group(0);
        let child = tokio::process::Command::from(command)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let id = child.id().expect("nobody has waited for it");
        Self {
            name: name.to_owned(),
            group: Pid::from_raw(id.cast_signed()),
            child,
            log,
            ended: false,
        }
    }

    /// Everything that processes of this name have written so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits until it has written `words`.
    ///
    /// # Panics
    /// When it ends without, or time is over.
    pub async fn said(&mut self, words: &str) {
        let (log, name) = (self.log.clone(), self.name.clone());
        until(&format!("{name} to say {words:?}"), async || {
            let ended = self.try_wait();
            let written = std::fs::read(&log).unwrap_or_default();
            let said = String::from_utf8_lossy(&written).contains(words);
            assert!(said || ended.is_none(), "{name} has ended: {ended:?}");
            said.then_some(())
        })
        .await;
    }

    /// `None` while it runs.
    ///
    /// # Panics
    /// When it cannot be asked.
    pub fn try_wait(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().expect("it is our child");
        self.ended |= status.is_some();
        status
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn end(&mut self) -> ExitStatus {
        let status = within_limit(&self.name, self.child.wait()).await;
        self.ended = true;
        status.expect("it is our child")
    }

    /// How many threads it has, which tells what it is about where it says nothing.
    ///
    /// # Panics
    /// When it has ended.
    pub fn threads(&self) -> usize {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.group));
        threads.expect("it lives").count()
    }

    /// Sends a signal to the process alone, not to its group.
    ///
    /// # Panics
    /// When it has ended.
    pub fn signal(&self, signal: Signal) {
        assert!(!self.ended, "{} has ended", self.name);
        nix::sys::signal::kill(self.group, signal).expect("it lives, or nobody has waited for it");
    }

    /// `kill -9`, and waits until it is gone.
    pub async fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.end().await;
    }

    /// Asks it to end, and waits until it has.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.end().await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Also when the process has ended: others of its group may live. The number is still ours, or nobody's: groups
        // keep theirs while they have members, and numbers come round slowly.
        let _ = killpg(self.group, Signal::SIGKILL);
        if std::thread::panicking() {
            let log = self.log();
            let start = log.ceil_char_boundary(log.len().saturating_sub(SHOWN_OF_LOG_BYTES));
            eprintln!(
                "---- what {} has written ----\n{}",
                self.name,
                &log[start..]
            );
        }
    }
}
