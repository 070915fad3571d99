//! What happens to a window, in order. All of it is inlined into one function for each set of instructions.

use super::{
    Network, Pooled, Scales, Scratch, ValueHead, Window,
    matrix::{LANES, Lanes, add_products, relu, total},
    scratch::first,
};
use crate::inference::FEATURE_LIMIT;

impl Network {
    #[inline(always)]
    pub(super) fn forward(&self, window: &Window<'_>, scratch: &mut Scratch, scores: &mut [f32]) {
        let columns = self.candidate.means.len();
        assert_eq!(window.candidates.len(), window.eligible.len() * columns);
        assert_eq!(window.globals.len(), self.global.means.len());
        assert_eq!(scores.len(), window.eligible.len());
        scores.fill(f32::NEG_INFINITY);
        self.normalise(window, scratch);
        let pooled = self.pooled.as_ref();
        if let Some(pooled) = pooled {
            pooled.embed(scratch);
        }
        self.summarise(window.globals, scratch);
        if let Some(pooled) = pooled {
            pooled.score_in_context(scratch);
        }
        let width = self.skip.len();
        for (row, candidate) in scratch.eligible.iter().enumerate() {
            let mut sums = [0.0; LANES];
            let normalised = &scratch.normalised[row * width..][..width];
            add_products(&mut sums, normalised, &self.skip);
            if let Some(pooled) = pooled {
                let width = pooled.score.len();
                let hidden = &scratch.hidden[row * width..][..width];
                add_products(&mut sums, hidden, &pooled.score);
            }
            scores[*candidate] = total(sums);
        }
    }

    /// Rows of the eligible candidates, side by side.
    #[inline(always)]
    fn normalise(&self, window: &Window<'_>, scratch: &mut Scratch) {
        let (columns, width) = (self.candidate.means.len(), self.skip.len());
        scratch.eligible.clear();
        let places = 0..window.eligible.len();
        scratch
            .eligible
            .extend(places.filter(|place| window.eligible[*place]));
        let normalised = first(&mut scratch.normalised, scratch.eligible.len() * width);
        for (place, row) in scratch
            .eligible
            .iter()
            .zip(normalised.chunks_exact_mut(width))
        {
            let values = &window.candidates[place * columns..][..columns];
            let row = row.as_flattened_mut();
            self.candidate.apply(values, row);
            row[columns..].fill(0.0);
        }
    }

    /// Mean and maximum of what is pooled, and the global features, without gaps; zeros if nothing is eligible.
    #[inline(always)]
    fn summarise(&self, globals: &[f32], scratch: &mut Scratch) {
        let (rows, size) = match &self.pooled {
            Some(pooled) => (&scratch.embedded, pooled.pooled_size),
            None => (&scratch.normalised, self.candidate.means.len()),
        };
        let width = size.div_ceil(LANES);
        let count = scratch.eligible.len();
        let mean = first(&mut scratch.mean, width);
        let maximum = first(&mut scratch.maximum, width);
        pool(&rows[..count * width], mean, maximum);
        let length = 2 * size + globals.len();
        let summary = first(&mut scratch.summary, length.div_ceil(LANES)).as_flattened_mut();
        summary[..size].copy_from_slice(&mean.as_flattened()[..size]);
        summary[size..2 * size].copy_from_slice(&maximum.as_flattened()[..size]);
        self.global.apply(globals, &mut summary[2 * size..]);
    }
}

impl Pooled {
    #[inline(always)]
    fn embed(&self, scratch: &mut Scratch) {
        let layer = &self.embedding;
        let count = scratch.eligible.len();
        let width = self.candidate_width;
        let embedded = first(&mut scratch.embedded, count * layer.weight.width());
        let rows = &scratch.normalised[..count * width];
        layer.weight.multiply(rows, width, &layer.bias, embedded);
        relu(embedded);
    }

    /// Hidden units of each candidate's score. What the context adds is the same for all, and so part of the bias.
    #[inline(always)]
    fn score_in_context(&self, scratch: &mut Scratch) {
        let context = first(&mut scratch.context, self.context.weight.width());
        let summary = &scratch.summary;
        (self.context.weight).multiply(summary, summary.len(), &self.context.bias, context);
        relu(context);
        let bias = first(&mut scratch.bias, self.from_context.width());
        (self.from_context).multiply(context, context.len(), &self.scoring.bias, bias);
        let count = scratch.eligible.len();
        let width = self.embedding.weight.width();
        let hidden = first(&mut scratch.hidden, count * self.scoring.weight.width());
        let rows = &scratch.embedded[..count * width];
        self.scoring.weight.multiply(rows, width, bias, hidden);
        relu(hidden);
    }
}

impl ValueHead {
    /// Of the window that was scored last.
    pub(super) fn value(&self, scratch: &mut Scratch) -> f32 {
        let hidden = first(&mut scratch.value, self.hidden.weight.width());
        let summary = &scratch.summary;
        (self.hidden.weight).multiply(summary, summary.len(), &self.hidden.bias, hidden);
        relu(hidden);
        let mut sums = [0.0; LANES];
        add_products(&mut sums, hidden, &self.output);
        total(sums) + self.offset
    }
}

impl Scales {
    #[inline(always)]
    fn apply(&self, values: &[f32], scaled: &mut [f32]) {
        let count = values.len();
        let (means, inverses) = (&self.means[..count], &self.inverses[..count]);
        let scaled = &mut scaled[..count];
        for place in 0..count {
            let distance = (values[place] - means[place]) * inverses[place];
            let distance = distance.clamp(-FEATURE_LIMIT, FEATURE_LIMIT);
            scaled[place] = if distance.is_nan() { 0.0 } else { distance };
        }
    }
}

#[inline(always)]
fn pool(rows: &[Lanes], mean: &mut [Lanes], maximum: &mut [Lanes]) {
    let width = mean.len();
    let count = rows.len() / width;
    let share = 1.0 / count.max(1) as f32;
    let least = if count == 0 { 0.0 } else { f32::NEG_INFINITY };
    for (group, (mean, maximum)) in mean.iter_mut().zip(maximum).enumerate() {
        let (mut sums, mut highest) = ([0.0; LANES], [least; LANES]);
        for values in rows.iter().skip(group).step_by(width) {
            for lane in 0..LANES {
                let value = values[lane];
                sums[lane] += value;
                highest[lane] = if value > highest[lane] {
                    value
                } else {
                    highest[lane]
                };
            }
        }
        *mean = sums.map(|sum| sum * share);
        *maximum = highest;
    }
}
