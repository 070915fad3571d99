//! One line of a log.

use super::SwfJob;
use crate::trace::{Problem, fields::Fields};

/// Columns, from 1.
const ID: usize = 1;
const SUBMITTED: usize = 2;
const RUN: usize = 4;
const ALLOCATED: usize = 5;
const REQUESTED_PROCESSORS: usize = 8;
const REQUESTED_TIME: usize = 9;
const USER: usize = 12;
const EXECUTABLE: usize = 14;
/// Some logs have more, which mean nothing here.
const LAST: usize = 18;

/// What the published loader makes of an unknown run time.
const UNKNOWN_RUN_MS: u64 = 10_000;
/// How the format says that something is unknown, in thousandths.
const UNKNOWN: i64 = -1_000;

const PROCESSORS: &str = "a number of processors from 1 to those of the machine";

/// On a machine of so many processors, if that is known.
pub(super) fn job(fields: &Fields<'_>, machine: Option<u32>) -> Result<SwfJob, Problem> {
    fields.bytes(LAST, "18 fields")?;
    let run_ms = duration_ms(fields, RUN, "a run time in seconds, or -1")?;
    let run_ms = run_ms.unwrap_or(UNKNOWN_RUN_MS);
    let requested = "a requested time in seconds, or -1";
    Ok(SwfJob {
        id: fields.whole(ID, "the whole number of a job")?,
        submitted_ms: fields
            .unsigned_thousandths(SUBMITTED, "a time of submission in seconds, at least 0")?,
        run_ms,
        requested_ms: duration_ms(fields, REQUESTED_TIME, requested)?.unwrap_or(run_ms),
        processors: processors(fields, machine)?,
        user: fields.whole(USER, "the number of a user, or -1")?,
        executable: fields.whole(EXECUTABLE, "the number of a program, or -1")?,
    })
}

/// `None`: it is unknown.
fn duration_ms(
    fields: &Fields<'_>,
    column: usize,
    expected: &'static str,
) -> Result<Option<u64>, Problem> {
    match fields.thousandths(column, expected)? {
        UNKNOWN => Ok(None),
        _ => fields.unsigned_thousandths(column, expected).map(Some),
    }
}

fn processors(fields: &Fields<'_>, machine: Option<u32>) -> Result<u32, Problem> {
    let allocated = fields.whole(ALLOCATED, PROCESSORS)?;
    let requested = fields.whole(REQUESTED_PROCESSORS, PROCESSORS)?;
    let column = if requested >= allocated {
        REQUESTED_PROCESSORS
    } else {
        ALLOCATED
    };
    match u32::try_from(allocated.max(requested)) {
        Ok(processors) if processors > 0 && machine.is_none_or(|most| processors <= most) => {
            Ok(processors)
        }
        _ => Err(fields.unexpected(column, PROCESSORS)),
    }
}
