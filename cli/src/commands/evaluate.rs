//! `drover evaluate`

use std::{io::IsTerminal as _, process::ExitCode};

use drover_sim::{
    command::{self, EvaluateArgs, Protocol, PublishedCell},
    report::{self, Emphasis},
    trace::Skipped,
};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    error::CliError,
    output::{self, Format},
};

pub(crate) fn run(args: &EvaluateArgs, format: Format) -> Result<ExitCode, CliError> {
    if args.protocol == Protocol::Rlscheduler {
        let (cells, skipped) = command::published(args)?;
        say_skipped(&skipped);
        return print_published(&cells, format);
    }
    let bar = bar();
    let progress = |done: usize, all: usize| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    };
    let (evaluation, skipped) = command::evaluate(args, &progress)?;
    bar.finish_and_clear();
    say_skipped(&skipped);
    let text = match format {
        Format::Json => report::json(&evaluation).map_err(command::CommandError::Json)? + "\n",
        Format::Text if std::io::stdout().is_terminal() => {
            report::text(&evaluation, Emphasis::Colour)
        }
        Format::Text => report::text(&evaluation, Emphasis::Mark),
    };
    output::print(&text)?;
    if let Some(folder) = &args.output_dir {
        eprintln!("Tables and pictures are in {}.", folder.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// On the standard error, and only on a terminal.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} simulations, {eta} left");
    ProgressBar::new(0).with_style(style.expect("a valid template"))
}

/// Of a lenient reader.
pub(super) fn say_skipped(skipped: &Skipped) {
    if skipped.total() > 0 {
        eprintln!("Passed over {} lines:", skipped.total());
    }
    for (expected, count) in &skipped.lines {
        eprintln!("  {count} without {expected}");
    }
}

fn print_published(cells: &[PublishedCell], format: Format) -> Result<ExitCode, CliError> {
    if format == Format::Json {
        output::print_json(&serde_json::json!({ "policies": cells }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<[String; 4]> = cells
        .iter()
        .map(|cell| {
            [
                cell.policy.clone(),
                if cell.backfill { "yes" } else { "no" }.to_owned(),
                format!("{:.2}", cell.bounded_slowdown),
                format!("{:.3}", cell.utilisation),
            ]
        })
        .collect();
    let headings = ["POLICY", "BACKFILL", "BOUNDED SLOWDOWN", "UTILISATION"];
    output::print(&output::table(headings, &rows))?;
    Ok(ExitCode::SUCCESS)
}
