use serde::{Deserialize, Serialize};

use super::WeightsError;

/// How the parts of a network are sized, apart from its features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    pub form: Form,
    /// Hidden units of the value head; without one there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Form {
    /// The score is a weighted sum of a candidate's features.
    Linear,
    /// Beside that sum, a candidate is scored in the context of all others. Numbers of hidden units.
    Pooled {
        embedding: usize,
        context: usize,
        scoring: usize,
    },
}

/// What a tensor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Counts for scores.
    Policy,
    /// Counts for the value, and so in training only.
    Value,
}

/// A tensor of a network. Matrices have a row for each input and a column for each output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorShape {
    pub name: &'static str,
    pub shape: Vec<usize>,
    pub part: Part,
}

impl TensorShape {
    /// Number of elements.
    pub fn size(&self) -> usize {
        self.shape.iter().product()
    }
}

impl Architecture {
    pub const MOST_HIDDEN: usize = 512;

    /// All tensors of a network with so many features, in the order in which parameters are counted. Those of the value
    /// head come last.
    pub fn tensors(&self, candidate: usize, global: usize) -> Vec<TensorShape> {
        let mut tensors = Vec::new();
        let mut add = |part, name, shape: &[usize]| {
            let shape = shape.to_vec();
            tensors.push(TensorShape { name, shape, part });
        };
        add(Part::Policy, "skip.weight", &[candidate]);
        if let Form::Pooled {
            embedding,
            context,
            scoring,
        } = self.form
        {
            add(Part::Policy, "embedding.weight", &[candidate, embedding]);
            add(Part::Policy, "embedding.bias", &[embedding]);
            let summary = self.summary(candidate, global);
            add(Part::Policy, "context.weight", &[summary, context]);
            add(Part::Policy, "context.bias", &[context]);
            add(Part::Policy, "scoring.weight", &[embedding, scoring]);
            add(Part::Policy, "scoring.context", &[context, scoring]);
            add(Part::Policy, "scoring.bias", &[scoring]);
            add(Part::Policy, "score.weight", &[scoring]);
        }
        if let Some(hidden) = self.value {
            let summary = self.summary(candidate, global);
            add(Part::Value, "value.weight", &[summary, hidden]);
            add(Part::Value, "value.bias", &[hidden]);
            add(Part::Value, "value.output", &[hidden]);
            add(Part::Value, "value.offset", &[1]);
        }
        tensors
    }

    /// Length of the summary of a window: mean and maximum of what is pooled, and the global features.
    pub fn summary(&self, candidate: usize, global: usize) -> usize {
        2 * self.pooled(candidate) + global
    }

    /// Length of what is pooled: embedded candidates, in the linear form their features.
    pub fn pooled(&self, candidate: usize) -> usize {
        match self.form {
            Form::Linear => candidate,
            Form::Pooled { embedding, .. } => embedding,
        }
    }

    pub(super) fn check(&self) -> Result<(), WeightsError> {
        let (least, most) = (1, Self::MOST_HIDDEN);
        let within = |what, found| match found {
            found if (least..=most).contains(&found) => Ok(()),
            found => Err(WeightsError::Size {
                what,
                found,
                least,
                most,
            }),
        };
        if let Form::Pooled {
            embedding,
            context,
            scoring,
        } = self.form
        {
            within("hidden units of the embedding", embedding)?;
            within("hidden units of the context", context)?;
            within("hidden units of the scoring", scoring)?;
        }
        within("hidden units of the value head", self.value.unwrap_or(1))
    }
}
