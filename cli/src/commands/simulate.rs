//! `drover simulate`

use std::{io::IsTerminal as _, process::ExitCode};

use drover_sim::{
    command::{self, CommandError, SimulateArgs, Simulated, WhatIf},
    report::{self, Emphasis},
};

use super::evaluate::say_skipped;
use crate::{
    error::CliError,
    output::{self, Format},
};

pub(crate) fn run(args: &SimulateArgs, format: Format) -> Result<ExitCode, CliError> {
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
        "\nAgainst what happened to the {} jobs that had ended:\n{}",
        what_if.jobs,
        output::table(headings, &rows)
    )
}
