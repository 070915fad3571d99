//! The network as its documentation has it: one candidate after the other, in double precision.

use super::{CANDIDATE, Observed};
use crate::inference::{Form, Weights};

/// The scores of the candidates, all of them eligible and their features not scaled, and the value.
pub(super) fn by_definition(weights: &Weights, observed: &Observed) -> (Vec<f64>, f64) {
    let tensor = |name| weights.tensor(name).unwrap();
    let rows: Vec<Vec<f64>> = observed
        .candidates
        .chunks(CANDIDATE.len())
        .map(wide)
        .collect();
    let is_pooled = weights.architecture().form != Form::Linear;
    let embed = |row: &Vec<f64>| match is_pooled {
        true => layer(weights, "embedding", row, &[]),
        false => row.clone(),
    };
    let embedded: Vec<Vec<f64>> = rows.iter().map(embed).collect();
    let summary = summary(&embedded, &observed.globals);
    let skip = |row: &Vec<f64>| product(row, tensor("skip.weight"))[0];
    let mut scores: Vec<f64> = rows.iter().map(skip).collect();
    if is_pooled {
        let context = layer(weights, "context", &summary, &[]);
        let shift = product(&context, tensor("scoring.context"));
        for (score, row) in scores.iter_mut().zip(&embedded) {
            let hidden = layer(weights, "scoring", row, &shift);
            *score += product(&hidden, tensor("score.weight"))[0];
        }
    }
    let hidden = layer(weights, "value", &summary, &[]);
    let value = product(&hidden, tensor("value.output"))[0];
    (scores, value + f64::from(tensor("value.offset")[0]))
}

fn wide(row: &[f32]) -> Vec<f64> {
    row.iter().map(|value| f64::from(*value)).collect()
}

fn summary(embedded: &[Vec<f64>], globals: &[f32]) -> Vec<f64> {
    let columns = 0..embedded[0].len();
    let of = |column: usize| embedded.iter().map(move |row| row[column]);
    let mean = |column| of(column).sum::<f64>() / embedded.len() as f64;
    let maximum = |column| of(column).fold(f64::MIN, f64::max);
    let means = columns.clone().map(mean);
    means
        .chain(columns.map(maximum))
        .chain(wide(globals))
        .collect()
}

/// A row times a matrix that has a row for each of its elements.
fn product(row: &[f64], matrix: &[f32]) -> Vec<f64> {
    let outputs = matrix.len() / row.len();
    let mut sums = vec![0.0; outputs];
    for (value, weights) in row.iter().zip(matrix.chunks(outputs)) {
        for (sum, weight) in sums.iter_mut().zip(weights) {
            *sum += value * f64::from(*weight);
        }
    }
    sums
}

fn layer(weights: &Weights, name: &str, row: &[f64], shift: &[f64]) -> Vec<f64> {
    let tensor = |part: &str| weights.tensor(&format!("{name}.{part}")).unwrap().to_vec();
    let mut hidden = product(row, &tensor("weight"));
    for (place, (unit, bias)) in hidden.iter_mut().zip(tensor("bias")).enumerate() {
        *unit += f64::from(bias) + shift.get(place).copied().unwrap_or(0.0);
        *unit = unit.max(0.0);
    }
    hidden
}
