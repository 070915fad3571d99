//! Figures as people and programs read them: tables for a terminal and for Markdown, CSV, JSON, JSON lines, and files of
//! single attempts.
//!
//! Tables have two decimals and no thousands separators; files have all digits. Equal evaluations give equal bytes.

mod artifacts;
mod grid;
mod json;
mod matrix;
mod overview;
mod rows;
mod tables;

pub use artifacts::{
    ArtifactError, AttemptLine, attempt_lines, write_artifacts, write_attempts_csv,
    write_attempts_jsonl,
};
pub use grid::{Emphasis, Grid, WIDTH};
pub use json::json;
pub use matrix::matrix;
pub use overview::overview;
pub use rows::{WriteError, write_csv, write_jsonl};
pub use tables::tables;

use crate::evaluate::Evaluation;

/// Everything for a terminal: first J over all workloads if there are several, then each workload.
pub fn text(evaluation: &Evaluation, emphasis: Emphasis) -> String {
    let shown = all(evaluation);
    let blocks = shown.iter().map(|grid| grid.text(emphasis));
    blocks.collect::<Vec<_>>().join("\n")
}

/// The same in Markdown; the best in bold.
pub fn markdown(evaluation: &Evaluation) -> String {
    let shown = all(evaluation);
    shown
        .iter()
        .map(Grid::markdown)
        .collect::<Vec<_>>()
        .join("\n")
}

fn all(evaluation: &Evaluation) -> Vec<Grid> {
    let several = evaluation.cells().len() > 1;
    let overview = several.then(|| overview(evaluation));
    let cells = evaluation.cells().iter();
    let details = cells.flat_map(|cell| tables(evaluation, cell));
    overview.into_iter().chain(details).collect()
}
