//! Writers that are in each other's way, and a disk that is full.

use std::{fs::File, io::Write, path::PathBuf, process::Command, time::Duration};

use drover_coordinator::store;
use drover_model::turn::CommitOutcome;
use sqlx::{Connection, Executor, SqliteConnection};

use crate::{
    databases::{Database, on_sqlite},
    fixtures::{Leader, TERM, everything, new_job},
};

async fn locked(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let path = database.url.strip_prefix("sqlite:").expect("is SQLite");
    let mut blocker = SqliteConnection::connect(path).await.expect("connects");
    blocker.execute("BEGIN IMMEDIATE").await.expect("locks");
    let turn = leader.with_jobs(vec![new_job(1)]);
    let outcome = database
        .store
        .commit(&turn, Duration::from_millis(200))
        .await;
    assert_eq!(outcome, CommitOutcome::Unknown);
    blocker.execute("ROLLBACK").await.expect("lets go");
    let lease = database.store.lease().await.expect("reads");
    assert_eq!(lease.turn, leader.turn, "it did not happen");
    leader.commit(turn).await;
}

#[tokio::test]
async fn a_commit_gives_up_before_its_lease_ends() {
    on_sqlite(locked).await;
}

/// A small file system of its own, gone when the test has ended.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where this account may not mount one.
    fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(directory.path())
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("SKIPPED: file systems may not be mounted here");
        }
        mounted.then_some(Self(directory))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Takes what is left of it.
    fn fill(&self) {
        let mut filler = File::create(self.path("filler")).expect("creates");
        while filler.write_all(&[0; 1_024]).is_ok() {}
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount")
            .arg("--lazy")
            .arg(self.0.path())
            .output();
        assert!(
            unmounted.is_ok_and(|output| output.status.success()),
            "{} stays mounted",
            self.0.path().display()
        );
    }
}

#[tokio::test]
async fn a_full_disk_is_no_poison_and_passes() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let url = format!("sqlite:{}", disk.path("test.db").display());
    let store = store::open(&url).await.expect("opens");
    let mut leader = Leader::of(&store).await;
    leader.commit(leader.with_jobs(vec![new_job(1)])).await;
    disk.fill();
    let jobs: Vec<_> = (2..400).map(new_job).collect();
    let turn = leader.with_jobs(jobs);
    for _ in 0..3 {
        let outcome = store.commit(&turn, TERM).await;
        assert_eq!(outcome, CommitOutcome::Unknown);
        let lease = store.lease().await.expect("can be read");
        assert_eq!(lease.turn, leader.turn, "it did not happen");
    }
    std::fs::remove_file(disk.path("filler")).expect("makes room");
    leader.commit(turn).await;
    assert_eq!(everything(&*store).await.open.len(), 399);
}
