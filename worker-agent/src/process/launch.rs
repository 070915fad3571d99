//! What to start, and how it fails to.

use std::{
    ffi::OsString,
    io,
    os::unix::ffi::OsStringExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use drover_model::{AttemptKey, Instance};
use drover_proto::v1;
use tokio::process::Child;

use super::{Hindrance, Host, files::Files, instance, output::Output, stress};
use crate::{
    cgroup::Cgroup,
    guard::{NotStarted, Terms},
};

/// What a process is told of itself.
pub(crate) struct Names {
    pub(crate) key: AttemptKey,
    pub(crate) job: String,
    pub(crate) task: String,
    pub(crate) traceparent: Option<Arc<str>>,
    /// It is the undo step of the task.
    pub(crate) undo: bool,
    pub(crate) instance: Option<Instance>,
}

/// When it is stopped by the agent itself, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// `None`: it need not report progress.
    pub(crate) progress_timeout: Option<Duration>,
    /// From SIGTERM to SIGKILL.
    pub(crate) grace_ms: u32,
    /// It must not outlive the agent's lease.
    pub(crate) is_leased: bool,
}

pub(crate) struct Launch {
    pub(crate) names: Names,
    pub(super) limits: Limits,
    pub(super) is_stress: bool,
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(String, OsString)>,
    cwd: Option<PathBuf>,
}

impl Launch {
    /// `None` when there is nothing to run.
    pub(crate) fn command(names: Names, limits: Limits, command: &v1::Command) -> Option<Self> {
        let argv = command.argv.iter().map(|word| text(word));
        let mut argv: Vec<OsString> = if command.shell {
            ["/bin/sh".into(), "-c".into()]
                .into_iter()
                .chain(argv)
                .collect()
        } else {
            argv.collect()
        };
        if command.argv.is_empty() {
            return None;
        }
        if command.shell {
            // What the script sees as $0; its parameters follow.
            argv.insert(3, "sh".into());
        }
        Some(Self {
            names,
            limits,
            is_stress: false,
            program: argv.remove(0),
            args: argv,
            env: command
                .env
                .iter()
                .map(|(name, value)| (name.clone(), text(value)))
                .collect(),
            cwd: (!command.cwd.is_empty()).then(|| text(&command.cwd).into()),
        })
    }

    pub(crate) fn stress(
        names: Names,
        limits: Limits,
        cpu: u32,
        memory_bytes: u64,
        duration: Duration,
    ) -> Self {
        Self {
            names,
            // It cannot report progress.
            limits: Limits {
                progress_timeout: None,
                ..limits
            },
            is_stress: true,
            program: stress::PROGRAM.into(),
            args: stress::args(cpu, memory_bytes, duration),
            env: Vec::new(),
            cwd: None,
        }
    }

    /// # Errors
    /// Names the program or directory, and the cause.
    pub(super) fn spawn(
        &self,
        host: &Host,
        cgroup: Option<&Cgroup>,
        files: &Files,
    ) -> Result<(Child, Output), Hindrance> {
        let cwd = match &self.cwd {
            Some(cwd) => host.work_dir.join(cwd),
            None => host.work_dir.clone(),
        };
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&cwd)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        self.introduce(&mut command, host);
        files.introduce(&mut command);
        if let Some(Err(error)) = cgroup.map(|cgroup| cgroup.adopt(&mut command, false)) {
            tracing::warn!(%error, "a process starts outside of its cgroup");
        }
        let spawned = host.guard.spawn(command, self.terms(cgroup));
        let mut child = spawned.map_err(|why| match why {
            NotStarted::NoGuard => Hindrance::NoGuard,
            NotStarted::Program(error) => Hindrance::OfTask(self.explain(&error, &cwd, &host.node)),
        })?;
        let output = Output::of(
            &mut child,
            self.names.key,
            host.logs.clone(),
            self.is_stress,
        );
        Ok((child, output))
    }

    /// For the guard.
    fn terms(&self, cgroup: Option<&Cgroup>) -> Option<Terms> {
        self.limits.is_leased.then(|| Terms {
            grace_ms: self.limits.grace_ms,
            cgroup: cgroup.map(|cgroup| cgroup.path().to_owned()),
        })
    }

    fn introduce(&self, command: &mut Command, host: &Host) {
        let Names {
            key,
            job,
            task,
            traceparent,
            undo,
            instance,
        } = &self.names;
        let task = match instance {
            Some(Instance { index, .. }) => format!("{task}[{index}]"),
            None => task.clone(),
        };
        command
            .env("DROVER_JOB_ID", key.job.to_string())
            .env("DROVER_JOB_NAME", job)
            .env("DROVER_TASK", task)
            .env("DROVER_ATTEMPT", key.attempt.to_string())
            .env("DROVER_NODE", &host.node);
        if let Some(traceparent) = traceparent {
            command.env("TRACEPARENT", traceparent.as_ref());
        }
        if *undo {
            command.env("DROVER_UNDO", "1");
        }
        if let Some(instance) = instance {
            instance::introduce(command, instance);
        }
    }

    fn explain(&self, error: &io::Error, cwd: &Path, node: &str) -> String {
        let program = self.program.to_string_lossy();
        if !cwd.is_dir() {
            return format!(
                "cannot start `{program}`: the working directory `{}` does not exist on node {node}",
                cwd.display()
            );
        }
        match error.kind() {
            io::ErrorKind::NotFound if self.is_stress => stress::missing(node),
            io::ErrorKind::NotFound => {
                format!("cannot start `{program}`: no such program on node {node}")
            }
            io::ErrorKind::PermissionDenied => format!(
                "cannot start `{program}` on node {node}: permission denied: it must be executable, and its working \
                 directory `{}` accessible",
                cwd.display()
            ),
            _ => format!("cannot start `{program}` on node {node}: {error}"),
        }
    }
}

fn text(bytes: &[u8]) -> OsString {
    OsString::from_vec(bytes.to_vec())
}
