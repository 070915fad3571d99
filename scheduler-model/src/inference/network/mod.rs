mod forward;
mod matrix;
mod scratch;
#[cfg(test)]
mod tests;

use std::fmt;

use super::{Form, Normalisation, Weights};
use matrix::{LANES, Lanes, Matrix, to_lanes};
pub use scratch::Scratch;

/// What a network looks at. Rows of candidates and globals have the columns of the layout that its weights are aligned
/// with; a number that is missing or makes no sense is NaN, and counts as the mean.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// A row for each candidate, row after row.
    pub candidates: &'a [f32],
    pub globals: &'a [f32],
    /// Which candidates may be chosen. The others get the score minus infinity, and count for nothing.
    pub eligible: &'a [bool],
}

/// Scores windows: a network, or what watches one or tries something else while it is trained.
pub trait Scorer: Send + Sync + fmt::Debug {
    /// As [`Network::score`].
    fn score(&self, window: &Window<'_>, scratch: &mut Scratch, scores: &mut [f32]);

    /// Whether a column of a candidate can change a score.
    fn looks_at(&self, column: usize) -> bool;
}

/// Weights in the order in which they are read when a window is scored.
#[derive(Clone, Debug)]
pub struct Network {
    candidate: Scales,
    global: Scales,
    skip: Vec<Lanes>,
    pooled: Option<Pooled>,
    value: Option<ValueHead>,
}

/// Every column's [`Normalisation`], which multiplies here instead of dividing.
#[derive(Clone, Debug)]
struct Scales {
    means: Vec<f32>,
    inverses: Vec<f32>,
}

#[derive(Clone, Debug)]
struct Pooled {
    /// Length of a candidate's row, in groups of lanes.
    candidate_width: usize,
    /// Hidden units of the embedding.
    pooled_size: usize,
    embedding: Layer,
    context: Layer,
    scoring: Layer,
    /// What the context adds to the bias of `scoring`.
    from_context: Matrix,
    score: Vec<Lanes>,
}

#[derive(Clone, Debug)]
struct Layer {
    weight: Matrix,
    bias: Vec<Lanes>,
}

#[derive(Clone, Debug)]
struct ValueHead {
    hidden: Layer,
    output: Vec<Lanes>,
    offset: f32,
}

impl Network {
    /// For windows with the columns of the weights' own layout; align the weights first if theirs differ.
    pub fn new(weights: &Weights) -> Self {
        let tensor = |name| weights.tensor(name).unwrap_or_default();
        let layer = |weight, bias| {
            let bias = tensor(bias);
            Layer {
                weight: Matrix::new(tensor(weight), bias.len()),
                bias: to_lanes(bias),
            }
        };
        let pooled = match weights.architecture().form {
            Form::Linear => None,
            Form::Pooled {
                embedding, scoring, ..
            } => Some(Pooled {
                candidate_width: weights.layout().candidate().len().div_ceil(LANES),
                pooled_size: embedding,
                embedding: layer("embedding.weight", "embedding.bias"),
                context: layer("context.weight", "context.bias"),
                scoring: layer("scoring.weight", "scoring.bias"),
                from_context: Matrix::new(tensor("scoring.context"), scoring),
                score: to_lanes(tensor("score.weight")),
            }),
        };
        let value = weights.architecture().value.map(|_| ValueHead {
            hidden: layer("value.weight", "value.bias"),
            output: to_lanes(tensor("value.output")),
            offset: tensor("value.offset").first().copied().unwrap_or_default(),
        });
        Self {
            candidate: Scales::new(weights.candidate_normalisation()),
            global: Scales::new(weights.global_normalisation()),
            skip: to_lanes(tensor("skip.weight")),
            pooled,
            value,
        }
    }

    /// Writes a score for each candidate: the higher the sooner. Allocates only when the window is the largest that this
    /// scratch has seen. Finite weights can still overflow: a score may be NaN, which [`best`] passes over.
    ///
    /// # Panics
    /// When the sizes of window, scores and layout do not agree.
    pub fn score(&self, window: &Window<'_>, scratch: &mut Scratch, scores: &mut [f32]) {
        self.run(window, scratch, scores);
    }

    /// The same, and what the value head says of the window, where there is one.
    ///
    /// # Panics
    /// As [`Self::score`].
    pub fn evaluate(
        &self,
        window: &Window<'_>,
        scratch: &mut Scratch,
        scores: &mut [f32],
    ) -> Option<f32> {
        self.run(window, scratch, scores);
        let head = self.value.as_ref()?;
        Some(head.value(scratch))
    }

    #[cfg(target_arch = "x86_64")]
    fn run(&self, window: &Window<'_>, scratch: &mut Scratch, scores: &mut [f32]) {
        if !std::arch::is_x86_feature_detected!("avx2") {
            return self.forward(window, scratch, scores);
        }
        #[expect(unsafe_code, reason = "only so is code for this processor reached")]
        // SAFETY: this processor has AVX2.
        unsafe {
            self.forward_avx2(window, scratch, scores);
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn run(&self, window: &Window<'_>, scratch: &mut Scratch, scores: &mut [f32]) {
        self.forward(window, scratch, scores);
    }

    /// The same instructions in the same order, eight lanes at a time instead of four. AVX2 does not bring fused
    /// multiplication, so that results stay equal.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn forward_avx2(&self, window: &Window<'_>, scratch: &mut Scratch, scores: &mut [f32]) {
        self.forward(window, scratch, scores);
    }
}

impl Scorer for Network {
    fn score(&self, window: &Window<'_>, scratch: &mut Scratch, scores: &mut [f32]) {
        self.run(window, scratch, scores);
    }

    /// What a linear network weighs with 0 need not be observed.
    fn looks_at(&self, column: usize) -> bool {
        self.pooled.is_some() || self.skip.as_flattened()[column] != 0.0
    }
}

impl Scales {
    fn new(scales: &[Normalisation]) -> Self {
        Self {
            means: scales.iter().map(|scale| scale.mean).collect(),
            inverses: scales.iter().map(|scale| scale.deviation.recip()).collect(),
        }
    }
}

/// The candidate with the highest score, of equals the first. None if nothing is eligible, or no score is a number.
pub fn best(scores: &[f32]) -> Option<usize> {
    let mut best = None;
    let mut highest = f32::NEG_INFINITY;
    for (candidate, score) in scores.iter().enumerate() {
        if *score > highest {
            (best, highest) = (Some(candidate), *score);
        }
    }
    best
}
