//! `drover simulate`

use std::{collections::BTreeMap, io::IsTerminal as _, path::PathBuf, process::ExitCode};

use drover_sim::{
    command::{self, CommandError, SimulateArgs, Simulated, WhatIf},
    report::{self, Emphasis},
};
use serde::Serialize;

use super::evaluate::say_skipped;
use crate::{
    client::Address,
    error::CliError,
    execute::{ExecuteOptions, Executed, execute},
    output::{self, Format},
};

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    simulate: SimulateArgs,
    /// Run generated jobs on real agents with `stress-ng` instead, and write the same files into --output-dir
    #[arg(long, requires = "output_dir", requires = "generate_jobs")]
    execute: bool,
    /// Coordinator to execute on, whose policy and nodes then hold; by default one of this process, with an agent for each node
    #[arg(
        long,
        value_name = "URL",
        value_delimiter = ',',
        requires = "execute",
        conflicts_with_all = ["policy", "dispatch", "backfill_order", "age_cap_s", "nodes"]
    )]
    on: Vec<String>,
    /// What times are multiplied by when they are executed; `stress-ng` runs for whole seconds, and what is left is rounded up
    #[arg(
        long,
        value_name = "FACTOR",
        default_value_t = 1.0,
        requires = "execute"
    )]
    time_scale: f64,
    /// Agents of this process only wait instead of starting `stress-ng`
    #[arg(long, requires = "execute", conflicts_with = "on")]
    only_wait: bool,
}

pub(crate) async fn run(args: &Args, format: Format) -> Result<ExitCode, CliError> {
    if args.execute {
        return args.execute(format).await;
    }
    simulate(&args.simulate, format)
}

impl Args {
    async fn execute(&self, format: Format) -> Result<ExitCode, CliError> {
        let (trace, mode) = self.simulate.load()?;
        let address = Address {
            urls: self.on.clone(),
        };
        let options = ExecuteOptions {
            address: (!self.on.is_empty()).then_some(&address),
            policy: &self.simulate.policy,
            mode,
            backfill_order: self.simulate.backfill_order.as_deref(),
            age_cap_s: self.simulate.age_cap_s,
            time_scale: self.time_scale,
            only_wait: self.only_wait,
        };
        let folder = self.simulate.output_dir.as_deref();
        let folder = folder.expect("the flags ask for it");
        let executed = execute(&trace, &options, folder).await?;
        let summary = Summary::of(&executed, trace.jobs.len());
        match format {
            Format::Json => output::print_json(&summary)?,
            Format::Text => {
                let Summary {
                    jobs, succeeded, ..
                } = summary;
                output::print(&format!("{succeeded} of {jobs} jobs succeeded\n"))?;
            }
        }
        for file in &executed.files {
            eprintln!("Wrote {}.", file.display());
        }
        for (place, why) in &summary.missing {
            eprintln!("Job {place} is not in the files: {why}");
        }
        Ok(if summary.succeeded == summary.jobs {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// What became of an execution, for programs.
#[derive(Serialize)]
struct Summary<'a> {
    jobs: usize,
    succeeded: usize,
    /// Why a job is not in the files, by its place in the trace.
    missing: BTreeMap<usize, String>,
    files: &'a [PathBuf],
}

impl<'a> Summary<'a> {
    fn of(executed: &'a Executed, jobs: usize) -> Self {
        let ended = executed.outcome.jobs.iter();
        let missing = executed.missing.iter();
        Self {
            jobs,
            succeeded: ended.filter(|job| job.succeeded).count(),
            missing: missing
                .map(|(place, why)| (*place, why.to_string()))
                .collect(),
            files: &executed.files,
        }
    }
}

fn simulate(args: &SimulateArgs, format: Format) -> Result<ExitCode, CliError> {
    let simulated = command::simulate(args)?;
    say_skipped(&simulated.skipped);
    match format {
        Format::Json => print_json(&simulated)?,
        Format::Text => print_text(&simulated)?,
    }
    for file in &simulated.files {
        eprintln!("Wrote {}.", file.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn print_json(simulated: &Simulated) -> Result<(), CliError> {
    let figures = report::json(&simulated.evaluation).map_err(CommandError::Json)?;
    let mut answer: serde_json::Value =
        serde_json::from_str(&figures).map_err(CommandError::Json)?;
    if let Some(what_if) = &simulated.what_if {
        answer["what_if"] = serde_json::json!(what_if);
    }
    output::print_json(&answer)
}

fn print_text(simulated: &Simulated) -> Result<(), CliError> {
    let emphasis = match std::io::stdout().is_terminal() {
        true => Emphasis::Colour,
        false => Emphasis::Mark,
    };
    output::print(&report::text(&simulated.evaluation, emphasis))?;
    match &simulated.what_if {
        Some(what_if) => output::print(&differences(what_if)),
        None => Ok(()),
    }
}

fn differences(what_if: &WhatIf) -> String {
    let rows: Vec<[String; 5]> = what_if
        .differences
        .iter()
        .map(|difference| {
            [
                difference.name.to_owned(),
                format!("{:.2}", difference.recorded),
                format!("{:.2}", difference.simulated),
                format!("{:+.2}", difference.change),
                difference.unit.to_owned(),
            ]
        })
        .collect();
    let headings = ["", "HAPPENED", "SIMULATED", "CHANGE", "IN"];
    format!(
        "\nAgainst what happened to the {} jobs that had succeeded ({} that had not are left out):\n{}",
        what_if.jobs,
        what_if.left_out,
        output::table(headings, &rows)
    )
}

#[cfg(test)]
mod tests {
    use clap::{Parser, error::ErrorKind};

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        _args: Args,
    }

    fn refused(more: &[&str]) -> Option<ErrorKind> {
        let execution = [
            "simulate",
            "--execute",
            "--generate-jobs=1",
            "--output-dir=here",
        ];
        let line = Line::try_parse_from(execution.iter().chain(more));
        line.err().map(|error| error.kind())
    }

    /// They would be ignored: the rules and nodes are those of the coordinator.
    #[test]
    fn rules_are_not_said_for_a_coordinator_that_has_its_own() {
        let there = "--on=http://127.0.0.1:7700";
        assert_eq!(refused(&[there]), None);
        for rule in [
            "--policy=fifo",
            "--dispatch=strict",
            "--backfill-order=sjf",
            "--age-cap-s=0",
            "--nodes=+1",
        ] {
            assert_eq!(refused(&[rule]), None, "{rule}");
            let both = refused(&[rule, there]);
            assert_eq!(both, Some(ErrorKind::ArgumentConflict), "{rule}");
        }
    }
}
