//! What `drover-learner` is told on its command line.

mod compared;
mod curves;
mod error;
mod evaluate;
mod progress;
mod serve;
mod train;
mod tune;
mod values;
mod worth;

use clap::{Parser, Subcommand};

pub use error::CommandError;

/// Trains the dispatch policy, and compares it with rules.
#[derive(Debug, Parser)]
#[command(version)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Finds weights that make the objective small under simulated loads.
    Train(Box<train::TrainArgs>),
    /// Finds how to train: short trainings with flags drawn at random, of which the better go on.
    Tune(tune::TuneArgs),
    /// Compares weights with every rule in every mode, workload by workload.
    Evaluate(evaluate::EvaluateArgs),
    /// Learns on beside a coordinator: fine-tunes the policy in use on recent load, and offers what is better.
    Serve(Box<serve::ServeArgs>),
}

impl CommandLine {
    /// # Errors
    /// When a flag or a file makes no sense, or a file cannot be written.
    pub fn run(&self) -> Result<(), CommandError> {
        match &self.command {
            Command::Train(args) => args.run(),
            Command::Tune(args) => args.run(),
            Command::Evaluate(args) => args.run(),
            Command::Serve(args) => args.run(),
        }
    }
}
