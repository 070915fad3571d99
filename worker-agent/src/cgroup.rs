//! Control groups (cgroup v2, `Documentation/admin-guide/cgroup-v2.rst` of Linux): one for each attempt, so that what
//! left its process group and session is found and killed too. Nothing is limited.
//!
//! ```text
//!   the agent's own cgroup            the agent, its guard
//!     drover-NODE-INCARNATION         made at start, removed by the guard
//!       JOB-TASK-ATTEMPT              the processes of one attempt
//! ```

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::process::CommandExt as _,
    path::{Component, Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use drover_model::AttemptKey;
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, getpid},
};

use crate::{GuardCommand, state};

/// How long killed processes may take to disappear. What the kernel holds can take longer.
const PATIENCE: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_micros(500);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Of one agent process.
#[derive(Debug)]
pub(crate) struct Cgroups {
    base: PathBuf,
}

/// Of one attempt. It has to be ended by [`Cgroup::end`].
#[derive(Debug)]
pub(crate) struct Cgroup {
    path: PathBuf,
}

impl Cgroups {
    /// # Errors
    /// For people: why there are none.
    pub(crate) fn make(
        node: &str,
        incarnation: u64,
        program: &GuardCommand,
    ) -> Result<Self, String> {
        let own = own()?;
        let base = make_new(
            &own,
            &format!("drover-{}-{incarnation}", state::file_name(node)),
        );
        let base = base.map_err(|error| {
            format!(
                "cannot make a cgroup below {}: {error}; as a systemd service the agent needs Delegate=yes",
                own.display()
            )
        })?;
        let cgroups = Self { base };
        match cgroups.try_one(program) {
            Ok(()) => Ok(cgroups),
            Err(error) => {
                let _ = remove(&cgroups.base);
                Err(format!(
                    "cannot move a process into a cgroup below {}: {error}",
                    own.display()
                ))
            }
        }
    }

    pub(crate) fn base(&self) -> &Path {
        &self.base
    }

    pub(crate) fn attempt(&self, key: AttemptKey) -> io::Result<Cgroup> {
        let name = format!("{}-{}-{}", key.job, key.task, key.attempt);
        Cgroup::make(self.base.join(name))
    }

    /// Rights are too many to ask for one by one. A guard without a socket ends at once.
    fn try_one(&self, program: &GuardCommand) -> io::Result<()> {
        let cgroup = Cgroup::make(self.base.join("try"))?;
        let mut command = Command::new(&program.program);
        command
            .args(&program.args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        cgroup.adopt(&mut command, true)?;
        let tried = command.spawn().and_then(|mut child| child.wait());
        destroy(&cgroup.path);
        tried.map(drop)
    }
}

impl Cgroup {
    fn make(path: PathBuf) -> io::Result<Self> {
        fs::create_dir(&path)?;
        Ok(Self { path })
    }

    /// The process will move itself in before its program runs. Unless `strict`, one that cannot stays outside.
    pub(crate) fn adopt(&self, command: &mut Command, strict: bool) -> io::Result<()> {
        let processes = File::options()
            .write(true)
            .open(self.path.join("cgroup.procs"))?;
        #[expect(unsafe_code, reason = "only a hook between fork and exec can do this")]
        // SAFETY: write is async-signal-safe, and nothing is allocated.
        unsafe {
            command.pre_exec(move || match (&processes).write(b"0") {
                Err(error) if strict => Err(error),
                _ => Ok(()),
            });
        }
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn kill(&self) {
        kill_all(&self.path);
    }

    /// Kills what is left, waits until it is gone, and removes the cgroup.
    pub(crate) async fn end(self) {
        let mut pauses = pauses();
        while is_populated(&self.path) {
            kill_all(&self.path);
            match pauses.next() {
                Some(pause) => tokio::time::sleep(pause).await,
                None => break,
            }
        }
        if let Err(error) = remove(&self.path) {
            tracing::warn!(%error, cgroup = %self.path.display(), "killed processes are still there");
        }
    }
}

/// Kills all processes of a cgroup and of those below it, and removes them. Waits a little.
pub(crate) fn destroy(path: &Path) {
    let mut pauses = pauses();
    while is_populated(path) {
        kill_all(path);
        match pauses.next() {
            Some(pause) => std::thread::sleep(pause),
            None => break,
        }
    }
    // What cannot be removed holds processes that the kernel does not let go.
    let _ = remove(path);
}

/// Agents of several clusters on one host may have the same name, and have started in the same millisecond.
fn make_new(own: &Path, name: &str) -> io::Result<PathBuf> {
    let mut path = own.join(name);
    for number in 2.. {
        match fs::create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                path = own.join(format!("{name}-{number}"));
            }
            made => return made.map(|()| path),
        }
    }
    unreachable!("no host has that many")
}

/// Growing ones, until patience is at its end.
fn pauses() -> impl Iterator<Item = Duration> {
    let start = Instant::now();
    let growing = std::iter::successors(Some(FIRST_PAUSE), |pause| {
        Some((*pause * 2).min(LONGEST_PAUSE))
    });
    growing.take_while(move |_| start.elapsed() < PATIENCE)
}

/// False as well for one that does not exist.
fn is_populated(path: &Path) -> bool {
    fs::read_to_string(path.join("cgroup.events"))
        .is_ok_and(|events| events.lines().any(|line| line == "populated 1"))
}

pub(crate) fn kill_all(path: &Path) {
    if fs::write(path.join("cgroup.kill"), "1").is_err() {
        // Linux before 5.14.
        kill_each(path);
    }
}

fn kill_each(path: &Path) {
    for below in children(path) {
        kill_each(&below);
    }
    let processes = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
    for process in processes.lines().filter_map(|line| line.parse().ok()) {
        // 0 is one that this process cannot see.
        if process != 0 && process != getpid().as_raw() {
            let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
        }
    }
}

/// Its processes may have made some below it.
fn remove(path: &Path) -> io::Result<()> {
    for below in children(path) {
        remove(&below)?;
    }
    match fs::remove_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn children(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else {
        return Vec::new();
    };
    let directories = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    directories.map(|entry| entry.path()).collect()
}

/// The cgroup of this process.
fn own() -> Result<PathBuf, String> {
    let read = |path: &str| {
        fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"))
    };
    locate(&read("/proc/self/cgroup")?, &read("/proc/self/mountinfo")?)
}

/// From cgroups(7) and proc_pid_mountinfo(5).
fn locate(cgroups: &str, mounts: &str) -> Result<PathBuf, String> {
    let own = cgroups.lines().find_map(|line| line.strip_prefix("0::"));
    let own = own.ok_or("this kernel has no cgroup v2")?;
    let mount = mounts.lines().find_map(|line| {
        let (fields, kind) = line.split_once(" - ")?;
        let mut fields = fields.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        (kind.split(' ').next() == Some("cgroup2")).then_some((root, point))
    });
    let (root, point) = mount.ok_or("cgroup v2 is not mounted")?;
    let outside = || format!("the cgroup {own} of this agent is not visible at {point}");
    let below = Path::new(own).strip_prefix(root).map_err(|_| outside())?;
    if below.components().any(|part| part == Component::ParentDir) {
        return Err(outside());
    }
    Ok(Path::new(point).join(below))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::locate;

    const V2: &str = "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
    const HYBRID: &str = "39 31 0:36 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                          41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

    #[test]
    fn the_own_cgroup_is_found_below_its_mount() {
        let found = |own, mounts| locate(own, mounts).expect("found");
        assert_eq!(
            found("0::/system.slice/drover.service\n", V2),
            Path::new("/sys/fs/cgroup/system.slice/drover.service")
        );
        assert_eq!(
            found("4:memory:/x\n0::/\n", HYBRID),
            Path::new("/sys/fs/cgroup/unified")
        );
        let container = "30 24 0:26 /docker/7 /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
        assert_eq!(
            found("0::/docker/7/a\n", container),
            Path::new("/sys/fs/cgroup/a")
        );
    }

    #[test]
    fn otherwise_it_says_why_not() {
        for (own, mounts, why) in [
            ("4:memory:/x\n", V2, "no cgroup v2"),
            ("0::/\n", "", "not mounted"),
            ("0::/../other\n", V2, "not visible"),
        ] {
            let told = locate(own, mounts).expect_err("not there");
            assert!(told.contains(why), "{told}");
        }
    }
}
