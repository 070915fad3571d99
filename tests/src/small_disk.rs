//! A disk that is soon full.

use std::{
    fs::{File, remove_file},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

/// A file system in memory, which is gone when it is dropped.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// `None`, said loudly, where the test may not make one.
    ///
    /// # Panics
    /// When it cannot be made although the test is root.
    pub fn of_mib(mebibytes: u32) -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("SKIPPED: only root may mount a small disk");
            return None;
        }
        let path = tempfile::tempdir().expect("a temporary directory").keep();
        let mounted = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={mebibytes}m"),
                "drover-test",
            ])
            .arg(&path)
            .status()
            .expect("the program mount");
        assert!(mounted.success(), "a file system in memory");
        Some(Self { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes until nothing more fits.
    ///
    /// # Panics
    /// When it fails in another way.
    pub fn fill(&self) {
        let mut file = File::create(self.filler()).expect("a file");
        for size in [64 * 1024, 4 * 1024, 1] {
            let block = vec![0; size];
            while file.write_all(&block).is_ok() {}
        }
    }

    /// There is room again.
    ///
    /// # Panics
    /// When it was not filled.
    pub fn free(&self) {
        remove_file(self.filler()).expect("it was filled");
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever has files open on it is about to end.
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(&self.path)
            .status();
        let _ = std::fs::remove_dir(&self.path);
    }
}
