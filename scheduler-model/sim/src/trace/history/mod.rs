//! What a live cluster did: the file that `drover trace export` writes.
//!
//! JSON lines, each an object with one field that says what it is: first `header`, then any number of `node` and `job`, as
//! [`line`] describes them. Times are milliseconds since 1970. Fields that are not known are passed over, so that a newer
//! build may add some; whatever changes the meaning of old ones raises [`VERSION`].
//!
//! ```json
//! {"header":{"format":"drover-history","version":1,"from_ms":1700000000000,"until_ms":1700086400000,..}}
//! {"node":{"name":"host-7","state":"ready","capacity":{..},"attributes":{..},"speed_permille":1000}}
//! {"job":{"id":"..","name":"nightly","owner":"ann","queue":"default","submitted_ms":..,"state":"succeeded","tasks":[..]}}
//! ```

#[cfg(feature = "messages")]
pub mod from_message;
pub mod line;
#[cfg(test)]
mod tests;
mod to_trace;

use super::{ParseTraceError, Problem, Skipped, Trace, fields::lines, problem::Judge};
use line::{Header, JobLine, Line, NodeLine};

/// What `format` of a header says.
pub const FORMAT: &str = "drover-history";
/// The newest that is written and read.
pub const VERSION: u32 = 1;

/// Why a lenient reader passes a line over.
const EXPECTED: &str = "a node or a job of a history";
const EXPECTED_HEADER: &str = "the header of a history, format drover-history";

/// A file, line by line.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    pub header: Header,
    pub nodes: Vec<NodeLine>,
    pub jobs: Vec<JobLine>,
    pub skipped: Skipped,
}

/// Reads a history. With `lenient`, lines that make no sense are counted, but for the header.
///
/// # Errors
/// With line and column of what makes no sense, or when there is no header or no job.
pub fn read(text: &[u8], lenient: bool) -> Result<History, ParseTraceError> {
    let mut lines = lines(text).filter(|(_, line)| !line.trim_ascii().is_empty());
    let expected = EXPECTED_HEADER;
    let (number, first) = lines.next().ok_or(ParseTraceError::Empty { expected })?;
    let Line::Header(header) = one(number, first)? else {
        return Err(Problem::new(number, 1, expected, first).into());
    };
    let mut judge = Judge::new(lenient);
    let (mut nodes, mut jobs) = (Vec::new(), Vec::new());
    for (number, line) in lines {
        match one(number, line) {
            Ok(Line::Node(node)) => nodes.push(node),
            Ok(Line::Job(job)) => jobs.push(*job),
            Ok(Line::Header(_)) => {
                judge.take::<()>(Err(Problem::new(number, 1, EXPECTED, line)))?;
            }
            Err(_) if lenient => {
                judge.take::<()>(Err(Problem::new(number, 1, EXPECTED, line)))?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(History {
        header,
        nodes,
        jobs,
        skipped: judge.skipped,
    })
}

/// [`read`], as something to simulate.
///
/// # Errors
/// As [`read`], and when nothing in it ever ran.
pub fn parse(text: &[u8], name: &str, lenient: bool) -> Result<(Trace, Skipped), ParseTraceError> {
    read(text, lenient)?.trace(name)
}

fn one(number: u64, line: &[u8]) -> Result<Line, ParseTraceError> {
    serde_json::from_slice(line).map_err(|error| ParseTraceError::Json {
        line: usize::try_from(number).unwrap_or(usize::MAX),
        column: error.column(),
        problem: without_place(&error.to_string()),
    })
}

/// The place is said once.
fn without_place(message: &str) -> String {
    let problem = message.rsplit_once(" at line ");
    problem.map_or(message, |(problem, _)| problem).to_owned()
}
