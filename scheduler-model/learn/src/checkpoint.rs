use std::collections::BTreeMap;

use drover_model::inference::Weights;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::LearnError;

const FORMAT: &str = "1";
const WEIGHTS: &str = "weights";

/// Everything from which a training goes on as if it had not ended. As bytes a safetensors file: the weights in their own
/// format as U8, numbers as F64.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Which learner: `ppo`, `dqn`, ...
    pub learner: String,
    pub seed: u64,
    /// Steps taken: updates, episodes or generations.
    pub step: u64,
    pub weights: Weights,
    /// What the learner remembers beside its weights, by name.
    pub memory: BTreeMap<String, Vec<f64>>,
}

impl Checkpoint {
    /// # Errors
    /// None that is known of.
    pub fn to_bytes(&self) -> Result<Vec<u8>, LearnError> {
        let weights = self.weights.to_bytes()?;
        let mut tensors = vec![(WEIGHTS.to_owned(), Dtype::U8, weights.len(), weights)];
        for (name, values) in &self.memory {
            let bytes = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            tensors.push((format!("memory.{name}"), Dtype::F64, values.len(), bytes));
        }
        let mut views = Vec::new();
        for (name, kind, count, bytes) in &tensors {
            let view = TensorView::new(*kind, vec![*count], bytes).map_err(unreadable)?;
            views.push((name.as_str(), view));
        }
        let Self {
            learner,
            seed,
            step,
            ..
        } = self;
        let entry = format!("{FORMAT} {learner} {seed} {step}");
        let metadata = [("drover-checkpoint".to_owned(), entry)];
        safetensors::serialize(views, Some(metadata.into_iter().collect())).map_err(unreadable)
    }

    /// # Errors
    /// Anything but a complete checkpoint.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LearnError> {
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
        let entries = metadata.metadata().as_ref();
        let entry = entries.and_then(|entries| entries.get("drover-checkpoint"));
        let words: Vec<&str> = entry
            .map(|entry| entry.split(' ').collect())
            .unwrap_or_default();
        let [FORMAT, learner, seed, step] = words[..] else {
            return Err(unreadable(
                "it was not written by this version of drover-learner",
            ));
        };
        let file = SafeTensors::deserialize(bytes).map_err(unreadable)?;
        let weights = file.tensor(WEIGHTS).map_err(unreadable)?;
        let mut memory = BTreeMap::new();
        for (name, view) in file.iter() {
            let Some(name) = name.strip_prefix("memory.") else {
                continue;
            };
            let (elements, _) = view.data().as_chunks();
            let values = elements.iter().map(|bytes| f64::from_le_bytes(*bytes));
            memory.insert(name.to_owned(), values.collect());
        }
        Ok(Self {
            learner: learner.to_owned(),
            seed: seed.parse().map_err(unreadable)?,
            step: step.parse().map_err(unreadable)?,
            weights: Weights::from_bytes(weights.data())?,
            memory,
        })
    }

    /// # Errors
    /// It is of another learner.
    pub(crate) fn of(self, expected: &'static str) -> Result<Self, LearnError> {
        if self.learner == expected {
            return Ok(self);
        }
        let found = self.learner;
        Err(LearnError::OtherLearner { found, expected })
    }

    pub(crate) fn recall(&self, name: &str) -> Result<&[f64], LearnError> {
        let values = self.memory.get(name);
        values
            .map(Vec::as_slice)
            .ok_or_else(|| unreadable(format!("it lacks `{name}`")))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err gives")]
fn unreadable(reason: impl ToString) -> LearnError {
    LearnError::Checkpoint(reason.to_string())
}

#[cfg(test)]
mod tests {
    use drover_model::inference::{Architecture, Form, Layout};

    use super::*;

    fn checkpoint() -> Checkpoint {
        let architecture = Architecture {
            form: Form::Linear,
            value: None,
        };
        let layout = Layout::new(["wait"], ["load"]).unwrap();
        Checkpoint {
            learner: "ppo".to_owned(),
            seed: u64::MAX,
            step: 3,
            weights: Weights::zero("v1", architecture, layout).unwrap(),
            memory: [("adam".to_owned(), vec![0.1, -1e300])].into(),
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let bytes = checkpoint().to_bytes().unwrap();
        assert_eq!(Checkpoint::from_bytes(&bytes).unwrap(), checkpoint());
        assert_eq!(checkpoint().to_bytes().unwrap(), bytes);
    }

    #[test]
    fn what_is_incomplete_is_refused() {
        let bytes = checkpoint().to_bytes().unwrap();
        for length in 0..bytes.len() {
            assert!(
                Checkpoint::from_bytes(&bytes[..length]).is_err(),
                "{length}"
            );
        }
        let weights = checkpoint().weights.to_bytes().unwrap();
        let refused = Checkpoint::from_bytes(&weights).unwrap_err().to_string();
        assert!(refused.contains("not written by this version"), "{refused}");
    }

    #[test]
    fn another_learners_is_refused() {
        let refused = checkpoint().of("dqn").unwrap_err().to_string();
        assert_eq!(
            refused,
            "the checkpoint is of the learner `ppo`, not of `dqn`"
        );
    }
}
