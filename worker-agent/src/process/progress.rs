//! Whether a process still gets on: it says so by writing to, or touching, a file.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

/// A timer of more than some decades would overflow.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Removes the file when it is dropped.
#[derive(Debug)]
pub(super) struct Progress {
    file: PathBuf,
    timeout: Duration,
    modified: SystemTime,
    checked: Instant,
    deadline: Instant,
}

impl Progress {
    /// Makes the file.
    pub(super) fn begin(file: PathBuf, timeout: Duration) -> io::Result<Self> {
        let modified = File::create(&file)?.metadata()?.modified()?;
        let timeout = timeout.min(LONGEST);
        let now = Instant::now();
        Ok(Self {
            file,
            timeout,
            modified,
            checked: now,
            deadline: now + timeout,
        })
    }

    /// Being started is progress.
    pub(super) fn started(&mut self) {
        self.checked = Instant::now();
        self.deadline = self.checked + self.timeout;
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Waits until there was no progress for the whole timeout. May be dropped and called again.
    pub(super) async fn stalled(&mut self) {
        loop {
            tokio::time::sleep_until(self.deadline).await;
            if !self.has_moved() {
                return;
            }
        }
    }

    /// For people.
    pub(super) fn complaint(&self) -> String {
        format!("no progress for {}", seconds(self.timeout))
    }

    /// A file that is gone shows none. That the wall clock may jump delays the next look, by the timeout at most.
    fn has_moved(&mut self) -> bool {
        let modified = fs::metadata(&self.file).and_then(|metadata| metadata.modified());
        let modified = modified.unwrap_or(self.modified);
        if modified == self.modified {
            return false;
        }
        let now = Instant::now();
        let age = SystemTime::now().duration_since(modified);
        let age = age.unwrap_or_default().min(now - self.checked);
        self.modified = modified;
        self.checked = now;
        self.deadline = now + self.timeout.saturating_sub(age);
        true
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.file);
    }
}

/// `30 s`, `1.5 s`.
fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_millis() as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        time::{Duration, SystemTime},
    };

    use tokio::time::Instant;

    use super::{Progress, seconds};

    #[test]
    fn durations_are_told_in_seconds() {
        for (milliseconds, told) in [(30_000, "30 s"), (1_500, "1.5 s"), (50, "0.05 s")] {
            assert_eq!(seconds(Duration::from_millis(milliseconds)), told);
        }
    }

    /// Only the wall clock goes on by itself, by which the file is dated.
    #[tokio::test(start_paused = true)]
    async fn who_touches_the_file_is_given_more_time() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("progress");
        let timeout = Duration::from_millis(300);
        let mut progress = Progress::begin(path.clone(), timeout).expect("made");
        let begun = Instant::now();
        let file = File::options().write(true).open(&path);
        let touched = SystemTime::now() - Duration::from_millis(100);
        let dated = file.and_then(|file| file.set_modified(touched));
        dated.expect("the file is ours");
        progress.stalled().await;
        let stalled = begun.elapsed();
        // At the first look it was touched 100 ms ago, and a little.
        assert!(stalled > timeout, "{stalled:?}");
        assert!(stalled <= Duration::from_millis(505), "{stalled:?}");
        assert_eq!(progress.complaint(), "no progress for 0.3 s");
        drop(progress);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_removed_file_is_no_progress() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("progress");
        let mut progress = Progress::begin(file.clone(), Duration::from_millis(20)).expect("made");
        std::fs::remove_file(&file).expect("removed");
        progress.stalled().await;
    }
}
