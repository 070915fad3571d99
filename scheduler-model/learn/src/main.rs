//! `drover-learner`: trains the dispatch policy.

use clap::Parser;

/// Trains the dispatch policy.
#[derive(Debug, Parser)]
#[command(version)]
struct CommandLine {}

fn main() {
    let CommandLine {} = CommandLine::parse();
}
