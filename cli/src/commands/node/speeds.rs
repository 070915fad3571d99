//! `drover node speeds`

use std::process::ExitCode;

use drover_proto::v1::{EvaluateSpeedsResponse, NodeSpeed};

use crate::{
    client::Client,
    command_line::Global,
    error::CliError,
    output::{self, Format},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Learn from so many attempts that succeeded, of the newest jobs
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    attempts: u32,
}

pub(crate) async fn run(args: &Args, global: &Global) -> Result<ExitCode, CliError> {
    let client = Client::connect(&global.address).await?;
    let answer = client.evaluate_speeds(args.attempts).await?;
    match global.output {
        Format::Json => output::print_json(&answer)?,
        Format::Text => output::print(&text(&answer))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn text(answer: &EvaluateSpeedsResponse) -> String {
    if answer.nodes.is_empty() {
        return "no attempt has succeeded yet\n".to_owned();
    }
    let rows: Vec<[String; 3]> = answer.nodes.iter().map(row).collect();
    let table = output::table(["NODE", "SPEED", "ATTEMPTS"], &rows);
    format!("{table}\n{}", verdict(answer))
}

fn row(node: &NodeSpeed) -> [String; 3] {
    [
        output::printable(&node.node),
        format!("{:.2}", node.speed),
        node.attempts.to_string(),
    ]
}

/// What the speeds are worth.
fn verdict(answer: &EvaluateSpeedsResponse) -> String {
    let EvaluateSpeedsResponse {
        trained_on,
        held_out,
        error_without,
        error_with,
        ..
    } = answer;
    let learned = format!("Learned from the oldest {trained_on}");
    if *held_out == 0 {
        return format!("{learned}; there are too few later ones to try that on.\n");
    }
    format!(
        "{learned} and tried on {held_out} that ended later. There estimates were off by {:.1} % without the speeds \
         and by {:.1} % with them.\n",
        percent(*error_without),
        percent(*error_with)
    )
}

/// A mean of |ln(estimate / run time)| as the factor that it is.
fn percent(error: f64) -> f64 {
    error.exp_m1() * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_and_what_they_are_worth() {
        let node = |node: &str, speed| NodeSpeed {
            node: node.to_owned(),
            speed,
            attempts: 40,
        };
        let mut answer = EvaluateSpeedsResponse {
            nodes: vec![node("fast", 1.414), node("slow", 0.707)],
            trained_on: 80,
            held_out: 20,
            error_without: 2_f64.ln(),
            error_with: 1.05_f64.ln(),
        };
        assert_eq!(
            text(&answer),
            "NODE  SPEED  ATTEMPTS\nfast  1.41   40\nslow  0.71   40\n\nLearned from the oldest 80 and tried on 20 that \
             ended later. There estimates were off by 100.0 % without the speeds and by 5.0 % with them.\n"
        );
        answer.held_out = 0;
        assert!(text(&answer).ends_with("too few later ones to try that on.\n"));
        answer.nodes.clear();
        assert_eq!(text(&answer), "no attempt has succeeded yet\n");
    }
}
