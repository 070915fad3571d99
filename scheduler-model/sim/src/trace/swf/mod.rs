//! The Standard Workload Format of the Parallel Workloads Archive (Chapin et al., "Benchmarks and standards for the
//! evaluation of parallel job schedulers", JSSPP 1999; version 2.2): one job a line, 18 numbers, `;` begins a comment.
//!
//! Read by the rules of the loader behind published figures (Zhang et al., "RLScheduler", SC 2020): the processors of a job
//! are the larger of those allocated and those requested, a requested time of -1 is the run time, a run time of -1 is
//! 10 s, a job that ran for 0 s is left out, and jobs are ordered by their ids (some logs are not sorted by anything).

mod line;
mod to_trace;

use super::{
    ParseTraceError, Skipped,
    fields::{Fields, lines, thousandths},
    problem::Judge,
};

/// One job, as its log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwfJob {
    pub id: i64,
    /// From the beginning of the log.
    pub submitted_ms: u64,
    pub run_ms: u64,
    /// What its user asked for; the run time where nothing is known.
    pub requested_ms: u64,
    /// At least 1.
    pub processors: u32,
    /// -1: unknown.
    pub user: i64,
    /// Number of the program. -1: unknown.
    pub executable: i64,
}

/// A log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwfLog {
    /// Of the whole machine.
    pub processors: u32,
    /// By id; equal ids in the order of the file.
    pub jobs: Vec<SwfJob>,
    /// Jobs that ran for 0 s.
    pub dropped: u64,
    pub skipped: Skipped,
}

/// How a log is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct SwfOptions {
    /// Wins over the header. Without both, the largest job fills the machine.
    pub processors: Option<u32>,
    /// Lines that make no sense are counted instead of refused.
    pub lenient: bool,
}

/// Reads a log.
///
/// # Errors
/// With the first line that makes no sense, or when there is no job.
pub fn parse(text: &[u8], options: SwfOptions) -> Result<SwfLog, ParseTraceError> {
    let mut header = Header::default();
    let mut judge = Judge::new(options.lenient);
    let mut dropped = 0;
    let mut jobs = Vec::new();
    for (number, text) in lines(text) {
        let text = text.trim_ascii();
        if let Some(comment) = text.strip_prefix(b";") {
            header.read(comment);
            continue;
        }
        if text.is_empty() {
            continue;
        }
        let machine = options.processors.or(header.processors());
        let fields = Fields::by_blanks(number, text);
        match judge.take(line::job(&fields, machine))? {
            Some(job) if job.run_ms == 0 => dropped += 1,
            Some(job) => jobs.push(job),
            None => {}
        }
    }
    let largest = jobs.iter().map(|job| job.processors).max();
    let largest = largest.ok_or(ParseTraceError::Empty {
        expected: "lines of 18 numbers, as in the Standard Workload Format",
    })?;
    let stated = options.processors.or(header.processors());
    jobs.sort_by_key(|job| job.id);
    Ok(SwfLog {
        // A header that comes after jobs has not been held against them.
        processors: stated.unwrap_or(largest).max(largest),
        jobs,
        dropped,
        skipped: judge.skipped,
    })
}

/// What header comments say of the machine.
#[derive(Default)]
struct Header {
    max_procs: Option<u32>,
    max_nodes: Option<u32>,
}

impl Header {
    fn read(&mut self, comment: &[u8]) {
        let comment = comment.trim_ascii();
        if let Some(value) = comment.strip_prefix(b"MaxProcs:") {
            self.max_procs = positive(value);
        } else if let Some(value) = comment.strip_prefix(b"MaxNodes:") {
            self.max_nodes = positive(value);
        }
    }

    /// Processors are what jobs ask for; old logs with one processor a node state nodes only.
    fn processors(&self) -> Option<u32> {
        self.max_procs.or(self.max_nodes)
    }
}

/// -1 is unknown there too. What stands behind the number (`128 (144 with spares)`) is for people.
fn positive(value: &[u8]) -> Option<u32> {
    let mut words = value.trim_ascii().split(|byte| *byte == b' ');
    let value = thousandths(words.next()?)? / 1_000;
    u32::try_from(value).ok().filter(|value| *value > 0)
}

#[cfg(test)]
mod tests;
