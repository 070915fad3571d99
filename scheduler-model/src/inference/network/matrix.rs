//! Sums of products, in an order that is written down: a compiler may do lanes at once, but never changes it.

/// So many columns are computed side by side.
pub(super) const LANES: usize = 16;

pub(super) type Lanes = [f32; LANES];

/// Rows of the inputs that share one pass over the weights.
const BLOCK: usize = 4;

/// A matrix in panels of [`LANES`] columns, each with a row for every input; columns beyond the last are zero.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    inputs: usize,
    panels: Vec<Lanes>,
}

impl Matrix {
    /// From elements row after row, one row for each input.
    pub(super) fn new(elements: &[f32], outputs: usize) -> Self {
        let inputs = elements.len() / outputs.max(1);
        let mut panels = vec![[0.0; LANES]; inputs * outputs.div_ceil(LANES)];
        for (place, element) in elements.iter().enumerate() {
            let (input, output) = (place / outputs, place % outputs);
            panels[output / LANES * inputs + input][output % LANES] = *element;
        }
        Self { inputs, panels }
    }

    /// Length of an output row, in groups of lanes.
    pub(super) fn width(&self) -> usize {
        self.panels.len() / self.inputs.max(1)
    }

    /// `outputs = bias + inputs * self` for each row of inputs, a row being `width` groups of lanes.
    #[inline(always)]
    pub(super) fn multiply(
        &self,
        inputs: &[Lanes],
        width: usize,
        bias: &[Lanes],
        outputs: &mut [Lanes],
    ) {
        let mut blocks = inputs.chunks_exact(BLOCK * width);
        let mut results = outputs.chunks_exact_mut(BLOCK * self.width());
        for (rows, results) in (&mut blocks).zip(&mut results) {
            self.multiply_block::<BLOCK>(rows.as_flattened(), bias, results);
        }
        let rows = blocks.remainder().chunks_exact(width);
        let results = results.into_remainder().chunks_exact_mut(self.width());
        for (row, results) in rows.zip(results) {
            self.multiply_block::<1>(row.as_flattened(), bias, results);
        }
    }

    #[inline(always)]
    fn multiply_block<const ROWS: usize>(
        &self,
        rows: &[f32],
        bias: &[Lanes],
        outputs: &mut [Lanes],
    ) {
        let stride = rows.len() / ROWS;
        let rows: [&[f32]; ROWS] = std::array::from_fn(|row| &rows[row * stride..][..self.inputs]);
        for (panel, weights) in self.panels.chunks_exact(self.inputs).enumerate() {
            let mut sums = [bias[panel]; ROWS];
            for (input, weights) in weights.iter().enumerate() {
                for (sums, row) in sums.iter_mut().zip(rows) {
                    let value = row[input];
                    for (sum, weight) in sums.iter_mut().zip(weights) {
                        *sum += value * weight;
                    }
                }
            }
            for (row, sums) in sums.iter().enumerate() {
                outputs[row * self.width() + panel] = *sums;
            }
        }
    }
}

/// Negative values become zero.
#[inline(always)]
pub(super) fn relu(values: &mut [Lanes]) {
    for value in values.as_flattened_mut() {
        *value = if *value > 0.0 { *value } else { 0.0 };
    }
}

/// Adds the products of two rows, lane by lane.
#[inline(always)]
pub(super) fn add_products(sums: &mut Lanes, left: &[Lanes], right: &[Lanes]) {
    for (left, right) in left.iter().zip(right) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum += left[lane] * right[lane];
        }
    }
}

/// The sum of all lanes, in halves.
#[inline(always)]
pub(super) fn total(mut sums: Lanes) -> f32 {
    for half in [LANES / 2, LANES / 4, LANES / 8, LANES / 16] {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
    }
    sums[0]
}

/// Fills up the last group with zeros.
pub(super) fn to_lanes(values: &[f32]) -> Vec<Lanes> {
    let mut lanes = vec![[0.0; LANES]; values.len().div_ceil(LANES)];
    lanes.as_flattened_mut()[..values.len()].copy_from_slice(values);
    lanes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows, inputs and outputs that are no multiples of blocks and lanes.
    #[test]
    fn products_are_those_of_the_definition() {
        let (rows, inputs, outputs) = (7, 19, 21);
        let element = |place: usize| (place % 11) as f32 - 5.0;
        let weights: Vec<f32> = (0..inputs * outputs).map(element).collect();
        let matrix = Matrix::new(&weights, outputs);
        let bias: Vec<f32> = (0..outputs).map(|output| output as f32).collect();
        let width = inputs.div_ceil(LANES);
        let mut input = vec![[0.0; LANES]; rows * width];
        for row in 0..rows {
            for place in 0..inputs {
                let flat = input.as_flattened_mut();
                flat[row * width * LANES + place] = element(row * 3 + place);
            }
        }
        let mut output = vec![[f32::NAN; LANES]; rows * matrix.width()];
        matrix.multiply(&input, width, &to_lanes(&bias), &mut output);
        for row in 0..rows {
            let products = |column: usize| -> f32 {
                (0..inputs)
                    .map(|place| element(row * 3 + place) * weights[place * outputs + column])
                    .sum()
            };
            for (column, bias) in bias.iter().enumerate() {
                let found = output.as_flattened()[row * matrix.width() * LANES + column];
                assert_eq!(found, bias + products(column), "{row}, {column}");
            }
        }
    }
}
