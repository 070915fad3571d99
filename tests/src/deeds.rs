//! What commands have really done, told by themselves.

use std::collections::{BTreeMap, BTreeSet};

use drover_proto::v1::{Command, JobSpec, Simulate, TaskSpec, task_spec::Run};

use crate::{Audited, Cluster};

/// The file that commands write to, in the agents' working directory.
const FILE: &str = "deeds";

/// Tells who runs, with one write.
const TELL: &str =
    r#"printf '%s %s %s\n' "$DROVER_JOB_ID" "$DROVER_TASK" "$DROVER_ATTEMPT" >> deeds"#;

/// A task that runs a script for the shell.
pub fn script(name: &str, script: &str) -> TaskSpec {
    task(
        name,
        Run::Command(Command {
            argv: vec![script.to_owned().into_bytes().into()],
            shell: true,
            ..Command::default()
        }),
    )
}

/// A task that writes down that it runs, which [`Cluster::audit_deeds`] compares with the record.
pub fn deed(name: &str) -> TaskSpec {
    script(name, TELL)
}

/// A task that only takes time.
pub fn simulated(name: &str, milliseconds: u32) -> TaskSpec {
    let duration = std::time::Duration::from_millis(milliseconds.into());
    task(
        name,
        Run::Simulate(Simulate {
            duration: Some(duration.into()),
            failure_chance: 0.0,
        }),
    )
}

/// A job of tasks that need nothing.
pub fn job(name: &str, tasks: Vec<TaskSpec>) -> JobSpec {
    JobSpec {
        name: name.to_owned(),
        tasks,
        ..JobSpec::default()
    }
}

/// A job of tasks each of which needs the one before.
pub fn chain(name: &str, mut tasks: Vec<TaskSpec>) -> JobSpec {
    let names: Vec<String> = tasks.iter().map(|task| task.name.clone()).collect();
    for (task, needed) in tasks.iter_mut().skip(1).zip(names) {
        task.needs = vec![needed];
    }
    job(name, tasks)
}

fn task(name: &str, run: Run) -> TaskSpec {
    TaskSpec {
        name: name.to_owned(),
        run: Some(run),
        ..TaskSpec::default()
    }
}

impl Cluster {
    /// [`Cluster::audit`], and that no attempt of a [`deed`] was begun twice, none ran that is not recorded, and every one
    /// that has succeeded ran.
    ///
    /// # Panics
    /// When anything of this is not so.
    pub async fn audit_deeds(&self, submitted: &BTreeSet<String>) -> Audited {
        let audited = self.audit(submitted).await;
        let text = self.read(FILE);
        let mut done = BTreeSet::new();
        for line in text.lines() {
            assert!(done.insert(line.to_owned()), "`{line}` ran twice");
        }
        let recorded = recorded(&audited);
        for line in &done {
            let known = recorded.contains_key(line);
            // Beyond what is read through the API, only the attempt itself is known.
            assert!(
                known || submitted.len() > audited.jobs.len(),
                "`{line}` ran, and is not recorded"
            );
        }
        for (line, has_succeeded) in recorded {
            assert!(
                !has_succeeded || done.contains(&line),
                "`{line}` is recorded as succeeded, and never ran"
            );
        }
        audited
    }
}

/// The lines that attempts of deeds may have written, and whether they must have.
fn recorded(audited: &Audited) -> BTreeMap<String, bool> {
    let mut recorded = BTreeMap::new();
    for job in &audited.jobs {
        let spec = job.spec.as_ref().expect("a job has a spec");
        for (task, spec) in job.tasks.iter().zip(&spec.tasks) {
            if !tells(spec) {
                continue;
            }
            for attempt in &task.attempts {
                let line = format!("{} {} {}", job.id, task.name, attempt.number);
                let state = drover_proto::v1::AttemptState::Succeeded;
                recorded.insert(line, attempt.state() == state);
            }
        }
    }
    recorded
}

fn tells(spec: &TaskSpec) -> bool {
    match &spec.run {
        Some(Run::Command(command)) => command.argv.iter().any(|argument| {
            argument
                .windows(TELL.len())
                .any(|part| part == TELL.as_bytes())
        }),
        _ => false,
    }
}
