//! Makes weights, and files that are wrong in one way.

use drover_model::inference::{Architecture, Form, Layout, Normalisation, Weights};
use serde_json::{Value, json};

pub(crate) const CANDIDATE: [&str; 3] = ["wait", "log_area", "rank/saf"];
pub(crate) const GLOBAL: [&str; 2] = ["load", "free/cpu"];

pub(crate) fn weights(form: Form) -> Weights {
    let architecture = Architecture {
        form,
        value: Some(2),
    };
    let layout = Layout::new(CANDIDATE, GLOBAL).unwrap();
    let zero = Weights::zero("2026-11", architecture, layout).unwrap();
    let parameters: Vec<f32> = (0..zero.parameters().len())
        .map(|place| (place * 7 % 13) as f32 / 4.0 - 1.5)
        .collect();
    let scale = |place: usize| Normalisation {
        mean: place as f32 / 8.0,
        deviation: 1.0 + place as f32,
    };
    zero.with_parameters(&parameters)
        .unwrap()
        .with_normalisation((0..3).map(scale).collect(), (3..5).map(scale).collect())
        .unwrap()
}

pub(crate) fn pooled() -> Form {
    Form::Pooled {
        embedding: 3,
        context: 2,
        scoring: 4,
    }
}

/// A safetensors file taken apart, so that anything in it can be changed.
pub(crate) struct File {
    pub(crate) header: Value,
    pub(crate) data: Vec<u8>,
}

impl File {
    pub(crate) fn of(weights: &Weights) -> Self {
        let bytes = weights.to_bytes().unwrap();
        let (length, rest) = bytes.split_first_chunk().unwrap();
        let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
        Self {
            header: serde_json::from_slice(header).unwrap(),
            data: data.to_vec(),
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let header = self.header.to_string().into_bytes();
        let length = header.len() as u64;
        [&length.to_le_bytes(), &header[..], &self.data].concat()
    }

    /// The description, with some of its fields replaced.
    pub(crate) fn described(mut self, changes: &Value) -> Self {
        let entry = self.header["__metadata__"]["drover"].as_str().unwrap();
        let mut description: Value = serde_json::from_str(entry).unwrap();
        for (field, value) in changes.as_object().unwrap() {
            description[field] = value.clone();
        }
        self.header["__metadata__"]["drover"] = json!(description.to_string());
        self
    }

    /// The element of a tensor, replaced.
    pub(crate) fn with_element(mut self, tensor: &str, place: usize, value: f32) -> Self {
        let start = self.header[tensor]["data_offsets"][0].as_u64().unwrap() as usize;
        self.data[start + place * 4..][..4].copy_from_slice(&value.to_le_bytes());
        self
    }
}
