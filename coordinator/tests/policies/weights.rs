//! Networks small enough that what they do is known.

use drover_model::inference::{Architecture, Form, Layout, Weights};

/// Ranks by one feature; version `shortest`.
pub(crate) fn by_feature(feature: &str, weight: f32) -> Vec<u8> {
    let architecture = Architecture {
        form: Form::Linear,
        value: None,
    };
    let layout = Layout::new([feature], []).expect("a feature's name");
    let zero = Weights::zero("shortest", architecture, layout).expect("a small network");
    let weights = zero.with_parameters(&[weight]).expect("one parameter");
    weights.to_bytes().expect("can be written")
}

pub(crate) fn shortest_first() -> Vec<u8> {
    by_feature("log_estimate", -1.0)
}
