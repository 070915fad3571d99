//! `drover-learner`: trains the dispatch policy.

use std::process::ExitCode;

use clap::Parser;
use drover_learner::command::CommandLine;

fn main() -> ExitCode {
    match CommandLine::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
