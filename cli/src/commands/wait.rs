//! Waiting for the ends of jobs, with `--wait`.

use std::process::ExitCode;

use drover_proto::v1::{Job, JobState};

use crate::{
    client::Client,
    error::{CliError, outcome_code},
    output::{self, Format},
    progress,
};

/// Shows how the jobs go until they have ended; the exit code is the outcome.
pub(crate) async fn for_ends(
    client: &Client,
    ids: &[String],
    format: Format,
) -> Result<ExitCode, CliError> {
    let jobs = progress::follow(client, ids).await?;
    if format == Format::Json {
        for job in &jobs {
            output::print_json(job)?;
        }
    }
    Ok(worst_outcome(&jobs))
}

/// Success only if all succeeded, else the outcome of the first that did not.
pub(crate) fn worst_outcome(jobs: &[Job]) -> ExitCode {
    let state = jobs
        .iter()
        .map(Job::state)
        .find(|state| *state != JobState::Succeeded)
        .unwrap_or(JobState::Succeeded);
    outcome_code(state)
}
