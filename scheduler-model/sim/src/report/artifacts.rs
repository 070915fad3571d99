//! Files of one run: a line for each attempt of each task.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::WriteError;
use crate::simulate::{AttemptOutcome, JobOutcome, Outcome};

/// One attempt. Times are milliseconds from the beginning of the trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttemptLine<'a> {
    pub job: u32,
    /// Place of the task in its job, and which instance of it.
    pub task: u32,
    pub instance: u32,
    /// From 1.
    pub attempt: u32,
    pub node: &'a str,
    /// When the job was submitted.
    pub arrival_ms: u64,
    pub start_ms: u64,
    pub end_ms: u64,
    /// From when it could have started (its needs done, its backoff over) to its start.
    pub queue_wait_ms: u64,
    pub duration_ms: u64,
    /// By when the job had to end.
    pub deadline_ms: Option<u64>,
    /// Whether the job succeeded by then, and so the same for all attempts of a job. Empty without a deadline.
    pub met: Option<bool>,
    pub succeeded: bool,
    pub policy: &'a str,
}

/// Why the files of a run were not written.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    #[error("cannot create the folder {}: {source}; name one that can be written to", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("cannot create {}: {source}; name a folder that can be written to", path.display())]
    Create { path: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: WriteError },
}

/// Writes `metrics_<policy>.jsonl` and `metrics_<policy>.csv` into the folder, which is made if it is missing; says where
/// they are. Signs of a policy's name that do not belong into file names become `-`.
pub fn write_artifacts(
    outcome: &Outcome,
    policy: &str,
    folder: &Path,
) -> Result<[PathBuf; 2], ArtifactError> {
    fs::create_dir_all(folder).map_err(|source| ArtifactError::Folder {
        path: folder.to_owned(),
        source,
    })?;
    let name = file_name(policy);
    let lines = folder.join(format!("metrics_{name}.jsonl"));
    write_file(&lines, |to| write_attempts_jsonl(outcome, policy, to))?;
    let table = folder.join(format!("metrics_{name}.csv"));
    write_file(&table, |to| write_attempts_csv(outcome, policy, to))?;
    Ok([lines, table])
}

fn file_name(policy: &str) -> String {
    let kept = |sign: char| sign.is_ascii_alphanumeric() || "-_.".contains(sign);
    let signs = policy.chars();
    signs
        .map(|sign| if kept(sign) { sign } else { '-' })
        .collect()
}

fn write_file(
    path: &Path,
    write: impl FnOnce(BufWriter<File>) -> Result<(), WriteError>,
) -> Result<(), ArtifactError> {
    let file = File::create(path).map_err(|source| ArtifactError::Create {
        path: path.to_owned(),
        source,
    })?;
    write(BufWriter::new(file)).map_err(|source| ArtifactError::Write {
        path: path.to_owned(),
        source,
    })
}

/// One JSON object a line.
pub fn write_attempts_jsonl(
    outcome: &Outcome,
    policy: &str,
    mut to: impl Write,
) -> Result<(), WriteError> {
    for line in attempt_lines(outcome, policy) {
        serde_json::to_writer(&mut to, &line)?;
        to.write_all(b"\n")?;
    }
    to.flush()?;
    Ok(())
}

/// With a heading; nothing at all without attempts.
pub fn write_attempts_csv(
    outcome: &Outcome,
    policy: &str,
    to: impl Write,
) -> Result<(), WriteError> {
    let mut writer = csv::Writer::from_writer(to);
    for line in attempt_lines(outcome, policy) {
        writer.serialize(line)?;
    }
    writer.flush()?;
    Ok(())
}

/// In the order in which the attempts ended. What names no job of the outcome is left out.
pub fn attempt_lines<'a>(
    outcome: &'a Outcome,
    policy: &'a str,
) -> impl Iterator<Item = AttemptLine<'a>> {
    let mut jobs: Vec<&JobOutcome> = outcome.jobs.iter().collect();
    jobs.sort_unstable_by_key(|job| job.job);
    outcome.attempts.iter().filter_map(move |attempt| {
        let place = jobs.binary_search_by_key(&attempt.job, |job| job.job);
        Some(line(attempt, jobs[place.ok()?], policy))
    })
}

fn line<'a>(attempt: &'a AttemptOutcome, job: &JobOutcome, policy: &'a str) -> AttemptLine<'a> {
    let in_time = |due| job.succeeded && job.ended_ms.is_some_and(|end| end <= due);
    AttemptLine {
        job: attempt.job,
        task: attempt.task,
        instance: attempt.instance,
        attempt: attempt.attempt,
        node: &attempt.node,
        arrival_ms: job.submitted_ms,
        start_ms: attempt.started_ms,
        end_ms: attempt.ended_ms,
        queue_wait_ms: attempt.started_ms.saturating_sub(attempt.queued_ms),
        duration_ms: attempt.ended_ms.saturating_sub(attempt.started_ms),
        deadline_ms: job.due_ms,
        met: job.due_ms.map(in_time),
        succeeded: attempt.succeeded,
        policy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::synthetic;

    #[test]
    fn a_line_for_each_attempt() {
        let outcome = synthetic::outcome();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let inner = folder.path().join("not/yet");
        let [lines, table] = write_artifacts(&outcome, "saf:1/2", &inner).expect("it is writable");
        assert!(lines.ends_with("not/yet/metrics_saf-1-2.jsonl"));
        let lines = fs::read_to_string(lines).expect("it was written");
        assert_eq!(lines.lines().count(), 21);
        assert_eq!(
            lines.lines().next().expect("a line"),
            r#"{"job":0,"task":0,"instance":0,"attempt":1,"node":"node-1","arrival_ms":1000,"start_ms":1000,"end_ms":5000,"queue_wait_ms":0,"duration_ms":4000,"deadline_ms":31000,"met":true,"succeeded":true,"policy":"saf:1/2"}"#
        );
        let table = fs::read_to_string(table).expect("it was written");
        assert!(table.starts_with(
            "job,task,instance,attempt,node,arrival_ms,start_ms,end_ms,queue_wait_ms,duration_ms,deadline_ms,met,succeeded,policy\n0,0,0,1,node-1,1000,1000,5000,0,4000,31000,true,true,saf:1/2\n"
        ));
        assert!(table.contains("\n1,0,0,1,node-2,11000,14000,19500,3000,5500,,,true,saf:1/2\n"));
    }

    #[test]
    fn equal_outcomes_give_equal_bytes() {
        let bytes = || {
            let mut bytes = Vec::new();
            write_attempts_jsonl(&synthetic::outcome(), "saf", &mut bytes).expect("memory");
            write_attempts_csv(&synthetic::outcome(), "saf", &mut bytes).expect("memory");
            bytes
        };
        assert_eq!(bytes(), bytes());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let refused = write_artifacts(&synthetic::outcome(), "saf", file.path());
        let message = refused.expect_err("it is a file").to_string();
        assert!(
            message.contains(&file.path().display().to_string()),
            "{message}"
        );
        assert!(
            message.contains("name one that can be written to"),
            "{message}"
        );
    }
}
