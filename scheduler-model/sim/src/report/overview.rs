//! J of all policies on all workloads, in one table.

use super::grid::{Cell, Column, Grid};
use crate::evaluate::{Better, Evaluation};

/// Rows are policies, columns workloads; the last is the mean over workloads.
pub fn overview(evaluation: &Evaluation) -> Grid {
    let contenders = 0..evaluation.contenders().len();
    let objective = |cell: &crate::evaluate::Cell, place: usize| {
        cell.mean(place).map(|figures| figures.objective)
    };
    let workloads = evaluation.cells().iter().map(|cell| Column {
        heading: cell.workload.to_string(),
        cells: contenders
            .clone()
            .map(|place| Cell::number(objective(cell, place)))
            .collect(),
        better: Better::Lower,
    });
    let mean = |place: usize| -> Option<f64> {
        let cells = evaluation.cells();
        let values: Option<Vec<f64>> = cells.iter().map(|cell| objective(cell, place)).collect();
        let values = values.filter(|values| !values.is_empty())?;
        Some(values.iter().sum::<f64>() / values.len() as f64)
    };
    let means = Column {
        heading: "mean".to_owned(),
        cells: contenders
            .clone()
            .map(|place| Cell::number(mean(place)))
            .collect(),
        better: Better::Lower,
    };
    Grid {
        title: "J by workload (lower is better)".to_owned(),
        keys: super::tables::keys(),
        rows: super::tables::key_rows(evaluation),
        columns: workloads.chain([means]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::synthetic::evaluation;

    #[test]
    fn a_row_for_each_policy() {
        let evaluation = evaluation();
        let grid = overview(&evaluation);
        assert_eq!(grid.rows[2], ["critical-path", "greedy"]);
        let headings: Vec<&str> = grid
            .columns
            .iter()
            .map(|column| column.heading.as_str())
            .collect();
        assert_eq!(headings, ["steady 0.90", "bursty 1.10", "mean"]);
        let [steady, bursty, mean] = [0, 1, 2].map(|place| grid.columns[place].cells[1].value);
        let expected = (steady.expect("ran") + bursty.expect("ran")) / 2.0;
        assert_eq!(mean, Some(expected));
    }
}
