//! Networks whose worth is known.

use drover_model::{
    inference::{Architecture, Form, Layout, Weights},
    observation::layout,
};
use drover_sim::random::{Purpose, Random};

/// Of everything random in weights.
const SEED: u64 = 4;

/// Of run times: so much more than all else that long jobs come first, whatever columns there are.
const HARMFUL: f32 = 20.0;

fn linear(version: &str, layout: Layout, parameters: &[f32]) -> Vec<u8> {
    let architecture = Architecture {
        form: Form::Linear,
        value: None,
    };
    let zero = Weights::zero(version, architecture, layout).expect("a small network");
    let weights = zero
        .with_parameters(parameters)
        .expect("as many as columns");
    weights.to_bytes().expect("can be written")
}

/// Does no harm while all jobs are alike.
pub(crate) fn longest_first() -> Vec<u8> {
    let layout = Layout::new(["log_estimate"], []).expect("a feature's name");
    linear("longest-first", layout, &[1.0])
}

/// What nobody has trained, and surely does harm.
pub(crate) fn random() -> Vec<u8> {
    eprintln!("random weights of the seed {SEED}");
    let mut random = Random::new(SEED, Purpose::Weights);
    let columns = layout();
    let parameters = columns.candidate().iter().map(|column| {
        let is_harmful = column.as_ref() as &str == "log_estimate";
        if is_harmful {
            HARMFUL
        } else {
            random.normal() as f32
        }
    });
    let parameters: Vec<f32> = parameters.collect();
    linear("sabotage", columns, &parameters)
}
