mod definition;

use super::*;
use definition::by_definition;

use crate::{
    inference::{Architecture, FEATURE_LIMIT, Form, Layout},
    random::RandomStream,
};

const CANDIDATE: [&str; 5] = ["wait", "log_area", "rank/saf", "fits", "slack"];
const GLOBAL: [&str; 2] = ["load", "free/cpu"];
const POOLED: Form = Form::Pooled {
    embedding: 18,
    context: 7,
    scoring: 33,
};

fn uniform(stream: &mut RandomStream) -> f32 {
    stream.up_to(2_000) as f32 / 1_000.0 - 1.0
}

fn random_weights(form: Form, seed: u64) -> Weights {
    let architecture = Architecture {
        form,
        value: Some(9),
    };
    let layout = Layout::new(CANDIDATE, GLOBAL).unwrap();
    let zero = Weights::zero("random", architecture, layout).unwrap();
    let mut stream = RandomStream::new(seed);
    let count = zero.parameters().len();
    let parameters: Vec<f32> = (0..count).map(|_| uniform(&mut stream)).collect();
    zero.with_parameters(&parameters).unwrap()
}

struct Observed {
    candidates: Vec<f32>,
    globals: Vec<f32>,
    eligible: Vec<bool>,
}

impl Observed {
    fn random(count: usize, seed: u64) -> Self {
        let mut stream = RandomStream::new(seed);
        let mut draw = |length: usize| (0..length).map(|_| uniform(&mut stream)).collect();
        Self {
            candidates: draw(count * CANDIDATE.len()),
            globals: draw(GLOBAL.len()),
            eligible: vec![true; count],
        }
    }

    fn window(&self) -> Window<'_> {
        Window {
            candidates: &self.candidates,
            globals: &self.globals,
            eligible: &self.eligible,
        }
    }

    fn scored(&self, network: &Network) -> (Vec<f32>, f32) {
        let mut scores = vec![0.0; self.eligible.len()];
        let value = network.evaluate(&self.window(), &mut Scratch::default(), &mut scores);
        (scores, value.unwrap())
    }
}

#[test]
fn scores_are_those_of_the_definition() {
    for form in [Form::Linear, POOLED] {
        let weights = random_weights(form, 1);
        let network = Network::new(&weights);
        for count in [1, 3, 4, 30, 128] {
            let observed = Observed::random(count, count as u64);
            let (scores, value) = observed.scored(&network);
            let (expected, expected_value) = by_definition(&weights, &observed);
            for (score, expected) in scores.iter().zip(&expected) {
                assert!((f64::from(*score) - expected).abs() < 1e-4, "{form:?}");
            }
            assert!((f64::from(value) - expected_value).abs() < 1e-4, "{form:?}");
        }
    }
}

#[test]
fn what_is_not_eligible_counts_for_nothing() {
    let network = Network::new(&random_weights(POOLED, 2));
    let mut observed = Observed::random(9, 3);
    observed.eligible[4] = false;
    let (scores, value) = observed.scored(&network);
    assert_eq!(scores[4], f32::NEG_INFINITY);
    let mut without = Observed::random(9, 3);
    without
        .candidates
        .drain(4 * CANDIDATE.len()..5 * CANDIDATE.len());
    without.eligible.pop();
    let (expected, expected_value) = without.scored(&network);
    assert_eq!([&scores[..4], &scores[5..]].concat(), expected);
    assert_eq!(value, expected_value);
}

#[test]
fn a_permutation_of_candidates_permutes_scores() {
    let network = Network::new(&random_weights(POOLED, 4));
    let observed = Observed::random(50, 5);
    let mut reversed = Observed::random(50, 5);
    let rows: Vec<&[f32]> = observed.candidates.chunks(CANDIDATE.len()).rev().collect();
    reversed.candidates = rows.concat();
    let (scores, _) = observed.scored(&network);
    let (of_reversed, _) = reversed.scored(&network);
    for (left, right) in scores.iter().zip(of_reversed.iter().rev()) {
        assert!((left - right).abs() < 1e-4);
    }
}

#[test]
fn the_context_counts() {
    let network = Network::new(&random_weights(POOLED, 6));
    let (before, _) = Observed::random(5, 7).scored(&network);
    let mut observed = Observed::random(5, 7);
    observed.globals[0] += 1.0;
    let (after, _) = observed.scored(&network);
    let shifts: Vec<f32> = after
        .iter()
        .zip(&before)
        .map(|(after, before)| after - before)
        .collect();
    assert!(
        shifts.iter().any(|shift| (shift - shifts[0]).abs() > 1e-3),
        "{shifts:?}"
    );
}

#[test]
fn features_are_scaled_and_cut_off_and_nan_is_the_mean() {
    let scale = Normalisation {
        mean: 3.0,
        deviation: 2.0,
    };
    let weights = random_weights(Form::Linear, 8);
    let weights = weights
        .with_parameters(&[1.0, 0.0, 0.0, 0.0, 0.0])
        .unwrap()
        .with_normalisation(
            [vec![scale], vec![Normalisation::NONE; 4]].concat(),
            vec![scale; 2],
        )
        .unwrap();
    let network = Network::new(&weights);
    let mut observed = Observed::random(4, 9);
    for (candidate, value) in [7.0, 1e30, f32::NEG_INFINITY, f32::NAN]
        .into_iter()
        .enumerate()
    {
        observed.candidates[candidate * CANDIDATE.len()] = value;
    }
    let (scores, _) = observed.scored(&network);
    assert_eq!(scores, [2.0, FEATURE_LIMIT, -FEATURE_LIMIT, 0.0]);
}

#[test]
fn a_window_without_candidates_has_a_value_only() {
    for form in [Form::Linear, POOLED] {
        let network = Network::new(&random_weights(form, 10));
        let mut observed = Observed::random(3, 11);
        observed.eligible.fill(false);
        let (scores, value) = observed.scored(&network);
        assert_eq!(best(&scores), None);
        assert!(value.is_finite());
        let (none, of_none) = Observed {
            candidates: Vec::new(),
            eligible: Vec::new(),
            ..observed
        }
        .scored(&network);
        assert_eq!((none.len(), of_none), (0, value));
    }
}

#[test]
fn scratch_is_for_windows_and_networks_of_all_sizes() {
    let mut scratch = Scratch::default();
    for (form, count) in [(POOLED, 60), (Form::Linear, 7), (POOLED, 5), (POOLED, 61)] {
        let network = Network::new(&random_weights(form, 12));
        let observed = Observed::random(count, 13);
        let mut scores = vec![0.0; count];
        let value = network.evaluate(&observed.window(), &mut scratch, &mut scores);
        assert_eq!((scores, value.unwrap()), observed.scored(&network));
    }
}

/// Instructions of newer processors may not change a bit.
#[test]
#[cfg(target_arch = "x86_64")]
fn every_processor_computes_the_same() {
    let network = Network::new(&random_weights(POOLED, 14));
    let observed = Observed::random(61, 15);
    let mut plain = vec![0.0; 61];
    network.forward(&observed.window(), &mut Scratch::default(), &mut plain);
    let (scores, _) = observed.scored(&network);
    assert_eq!(scores, plain);
}

#[test]
fn the_best_is_the_first_of_the_highest() {
    assert_eq!(best(&[1.0, f32::NAN, 3.0, 3.0]), Some(2));
    assert_eq!(best(&[f32::NEG_INFINITY, f32::NAN]), None);
    assert_eq!(best(&[]), None);
}
