//! How long a decision of the learned policy takes: `cargo bench -p drover-model --bench inference`.
//!
//! Prints microseconds for a full window of 128 candidates with 40 features each, for several sizes of network: the
//! fastest of many batches, which is what the processor can do when nobody disturbs it.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use drover_model::inference::{Architecture, Form, Layout, Network, Scratch, Weights, Window};

const CANDIDATES: usize = 128;
const CANDIDATE_FEATURES: usize = 40;
const GLOBAL_FEATURES: usize = 24;
const BATCHES: usize = 200;
const DECISIONS: u32 = 50;

fn main() {
    let sizes = [16, 32, 48, 64].map(|hidden| (format!("pooled {hidden}"), pooled(hidden)));
    let linear = ("linear".to_owned(), Form::Linear);
    println!("{CANDIDATES} candidates, {CANDIDATE_FEATURES} features each");
    for (name, form) in [linear].into_iter().chain(sizes) {
        let weights = weights(form);
        let parameters = weights.policy_parameters().len();
        let fastest = fastest(&Network::new(&weights));
        let microseconds = fastest.as_secs_f64() * 1e6;
        println!("{name:>10}: {microseconds:6.2} us a decision, {parameters} parameters");
    }
}

fn pooled(hidden: usize) -> Form {
    Form::Pooled {
        embedding: hidden,
        context: hidden,
        scoring: hidden,
    }
}

/// Parameters that differ, so that none of the arithmetic is special.
fn weights(form: Form) -> Weights {
    let names = |count: usize| (0..count).map(|place| format!("feature/{place}"));
    let layout = Layout::new(names(CANDIDATE_FEATURES), names(GLOBAL_FEATURES))
        .expect("the names are well-formed");
    let architecture = Architecture { form, value: None };
    let zero = Weights::zero("bench", architecture, layout).expect("the sizes are within bounds");
    let parameters: Vec<f32> = (0..zero.parameters().len())
        .map(|place| (place * 37 % 101) as f32 / 500.0 - 0.1)
        .collect();
    zero.with_parameters(&parameters)
        .expect("as many as there are")
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock; the model does not"
)]
fn fastest(network: &Network) -> Duration {
    let candidates: Vec<f32> = (0..CANDIDATES * CANDIDATE_FEATURES)
        .map(|place| (place * 53 % 97) as f32 / 48.0 - 1.0)
        .collect();
    let window = Window {
        candidates: &candidates,
        globals: &[0.5; GLOBAL_FEATURES],
        eligible: &[true; CANDIDATES],
    };
    let mut scratch = Scratch::default();
    let mut scores = [0.0; CANDIDATES];
    let mut batch = || {
        let start = Instant::now();
        for _ in 0..DECISIONS {
            network.score(black_box(&window), &mut scratch, &mut scores);
            black_box(&mut scores);
        }
        start.elapsed() / DECISIONS
    };
    (0..BATCHES).map(|_| batch()).min().unwrap_or_default()
}
