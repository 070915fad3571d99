use drover_model::inference::{FEATURE_LIMIT, Form, Normalisation, Weights, WeightsError};
use tch::{Device, Kind, Tensor};

use crate::Batch;

/// Far below every score, and still finite, so that no gradient becomes NaN.
const CLOSED: f64 = -1e9;

/// The network of `drover_model::inference` as a graph of tensors, which has gradients. All parameters are one tensor, in
/// the order of [`Weights::parameters`].
#[derive(Debug)]
pub struct Model {
    /// Names, sizes and scales; its parameters are out of date.
    described: Weights,
    parameters: Tensor,
    /// 1 where a parameter is learned, 0 where it stays as it is; `None`: all are learned.
    learned: Option<Tensor>,
    candidate: Scales,
    global: Scales,
}

/// What the network says of a batch.
#[derive(Debug)]
pub struct Output {
    /// Observations, candidates. What may not be chosen has a score so low that its probability is 0.
    pub scores: Tensor,
    /// One for each observation, with a value head.
    pub value: Option<Tensor>,
}

#[derive(Debug)]
struct Scales {
    mean: Tensor,
    inverse: Tensor,
}

impl Model {
    /// From then on libtorch uses one thread in this process: how many it has decides in which order it sums, and results
    /// are not to depend on the machine.
    pub fn new(weights: &Weights, device: Device) -> Self {
        tch::set_num_threads(1);
        let parameters = Tensor::from_slice(weights.parameters()).to_device(device);
        Self {
            described: weights.clone(),
            parameters: parameters.set_requires_grad(true),
            learned: None,
            candidate: Scales::new(weights.candidate_normalisation(), device),
            global: Scales::new(weights.global_normalisation(), device),
        }
    }

    /// Of what counts for scores only the parameters at these places are learned, the others stay as they are. Without any,
    /// all are.
    #[must_use]
    pub fn learning_only(mut self, places: &[usize]) -> Self {
        if places.is_empty() {
            return self;
        }
        let policy = self.described.policy_parameters().len();
        let mut learned = vec![0.0_f32; policy];
        learned.resize(self.parameters.numel(), 1.0);
        for place in places {
            learned[*place] = 1.0;
        }
        self.learned = Some(Tensor::from_slice(&learned).to_device(self.device()));
        self
    }

    /// What was learned.
    ///
    /// # Errors
    /// A parameter that is not finite.
    pub fn weights(&self) -> Result<Weights, WeightsError> {
        let mut parameters = vec![0.0; self.parameters.numel()];
        let count = parameters.len();
        self.parameters.detach().copy_data(&mut parameters, count);
        self.described.clone().with_parameters(&parameters)
    }

    pub fn device(&self) -> Device {
        self.parameters.device()
    }

    pub fn has_value_head(&self) -> bool {
        self.described.architecture().value.is_some()
    }

    /// All parameters, flat.
    pub(crate) fn parameters(&self) -> &Tensor {
        &self.parameters
    }

    pub(crate) fn parameters_mut(&mut self) -> &mut Tensor {
        &mut self.parameters
    }

    /// The gradient of a scalar in all parameters; where it does not depend on one, 0.
    pub(crate) fn gradient(&self, loss: &Tensor) -> Tensor {
        let mut gradients = Tensor::run_backward(&[loss], &[&self.parameters], false, false);
        let gradient = gradients.remove(0);
        match &self.learned {
            Some(learned) => gradient * learned,
            None => gradient,
        }
    }

    pub fn forward(&self, batch: &Batch) -> Output {
        let eligible = batch.eligible.unsqueeze(-1);
        let rows = self.candidate.apply(&batch.candidates);
        let skip = rows.matmul(&self.tensor("skip.weight"));
        let is_pooled = self.described.architecture().form != Form::Linear;
        let embedded = match is_pooled {
            true => self.layer("embedding", &rows),
            false => rows,
        };
        let summary = Tensor::cat(
            &[
                mean(&embedded, &eligible),
                maximum(&embedded, &eligible),
                self.global.apply(&batch.globals),
            ],
            -1,
        );
        let scores = match is_pooled {
            true => skip + self.score_in_context(&embedded, &summary),
            false => skip,
        };
        Output {
            scores: scores.masked_fill(&batch.open.logical_not(), CLOSED),
            value: self.has_value_head().then(|| {
                let hidden = self.layer("value", &summary);
                hidden.matmul(&self.tensor("value.output")) + self.tensor("value.offset")
            }),
        }
    }

    fn score_in_context(&self, embedded: &Tensor, summary: &Tensor) -> Tensor {
        let context = self.layer("context", summary);
        let shift = context.matmul(&self.tensor("scoring.context")).unsqueeze(1);
        let sum = embedded.matmul(&self.tensor("scoring.weight")) + shift;
        let hidden = (sum + self.tensor("scoring.bias")).relu();
        hidden.matmul(&self.tensor("score.weight"))
    }

    fn layer(&self, name: &str, input: &Tensor) -> Tensor {
        let weight = self.tensor(&format!("{name}.weight"));
        (input.matmul(&weight) + self.tensor(&format!("{name}.bias"))).relu()
    }

    /// A view of the parameters.
    fn tensor(&self, name: &str) -> Tensor {
        let mut start = 0;
        for tensor in self.described.tensors() {
            let size = tensor.size() as i64;
            if tensor.name == name {
                let shape: Vec<i64> = tensor.shape.iter().map(|size| *size as i64).collect();
                return self.parameters.narrow(0, start, size).view(&shape[..]);
            }
            start += size;
        }
        unreachable!("the architecture has no tensor {name}")
    }
}

impl Scales {
    fn new(scales: &[Normalisation], device: Device) -> Self {
        let means: Vec<f32> = scales.iter().map(|scale| scale.mean).collect();
        let inverses: Vec<f32> = scales.iter().map(|scale| scale.deviation.recip()).collect();
        Self {
            mean: Tensor::from_slice(&means).to_device(device),
            inverse: Tensor::from_slice(&inverses).to_device(device),
        }
    }

    fn apply(&self, values: &Tensor) -> Tensor {
        let limit = f64::from(FEATURE_LIMIT);
        let distances = (values - &self.mean) * &self.inverse;
        distances.clamp(-limit, limit).nan_to_num(0.0, None, None)
    }
}

/// Over the eligible candidates; 0 without any.
fn mean(rows: &Tensor, eligible: &Tensor) -> Tensor {
    let counted = rows.masked_fill(&eligible.logical_not(), 0.0);
    let count = eligible.sum_dim_intlist([1_i64].as_slice(), false, Kind::Float);
    counted.sum_dim_intlist([1_i64].as_slice(), false, None) / count.clamp_min(1.0)
}

fn maximum(rows: &Tensor, eligible: &Tensor) -> Tensor {
    let counted = rows.masked_fill(&eligible.logical_not(), f64::NEG_INFINITY);
    counted
        .amax([1_i64].as_slice(), false)
        .nan_to_num(None, None, 0.0)
}

#[cfg(test)]
mod tests {
    use drover_model::inference::{Architecture, Layout, Network, Scratch};
    use drover_sim::random::{Purpose, Random};

    use super::*;
    use crate::Observation;

    fn random_weights(form: Form, random: &mut Random) -> Weights {
        let layout = Layout::new(
            ["wait", "log_area", "rank/saf", "fits", "slack"],
            ["load", "free/cpu"],
        );
        let architecture = Architecture {
            form,
            value: Some(12),
        };
        let zero = Weights::zero("random", architecture, layout.unwrap()).unwrap();
        let mut draw = |count: usize| -> Vec<f32> {
            (0..count).map(|_| 0.3 * random.normal() as f32).collect()
        };
        let parameters = draw(zero.parameters().len());
        let mut scales = |count| {
            let scale = |mean: &f32| Normalisation {
                mean: *mean,
                deviation: 0.5 + mean.abs(),
            };
            draw(count).iter().map(scale).collect::<Vec<_>>()
        };
        let (candidate, global) = (scales(5), scales(2));
        let weights = zero.with_parameters(&parameters).unwrap();
        weights.with_normalisation(candidate, global).unwrap()
    }

    /// Some without eligible candidates, some without any.
    fn random_observation(random: &mut Random) -> Observation {
        let count = random.below(20) as usize;
        let share = random.unit();
        let mut draw = |count: usize| (0..count).map(|_| random.normal() as f32).collect();
        let (mut candidates, globals): (Vec<f32>, Vec<f32>) = (draw(count * 5), draw(2));
        if let Some(first) = candidates.first_mut() {
            *first = f32::NAN;
        }
        Observation {
            candidates,
            globals,
            eligible: (0..count).map(|_| random.unit() < share).collect(),
            closed: Vec::new(),
        }
    }

    #[test]
    fn plain_inference_agrees() {
        let mut random = Random::new(1, Purpose::Weights);
        let pooled = Form::Pooled {
            embedding: 20,
            context: 10,
            scoring: 18,
        };
        for form in [Form::Linear, pooled] {
            let weights = random_weights(form, &mut random);
            let network = Network::new(&weights);
            let model = Model::new(&weights, Device::Cpu);
            let observations: Vec<_> = (0..60).map(|_| random_observation(&mut random)).collect();
            let all: Vec<&Observation> = observations.iter().collect();
            let output = model.forward(&Batch::new(&all, Device::Cpu));
            let value = output.value.unwrap();
            for (row, observation) in observations.iter().enumerate() {
                let mut scores = vec![0.0; observation.eligible.len()];
                let plain =
                    network.evaluate(&observation.window(), &mut Scratch::default(), &mut scores);
                let expected = value.double_value(&[row as i64]);
                assert!((f64::from(plain.unwrap()) - expected).abs() < 1e-5);
                for (place, score) in scores
                    .iter()
                    .enumerate()
                    .filter(|(place, _)| observation.eligible[*place])
                {
                    let expected = output.scores.double_value(&[row as i64, place as i64]);
                    assert!(
                        (f64::from(*score) - expected).abs() < 1e-5,
                        "{score} {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn weights_come_back_as_they_were() {
        let weights = random_weights(Form::Linear, &mut Random::new(2, Purpose::Weights));
        assert_eq!(
            Model::new(&weights, Device::Cpu).weights().unwrap(),
            weights
        );
    }
}
