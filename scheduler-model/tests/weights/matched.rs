use std::{fs, path::Path};

use drover_model::inference::{Form, Layout, Network, Normalisation, Scratch, Weights, Window};

use crate::files::{CANDIDATE, GLOBAL, pooled, weights};

/// Observed values by name, so that the same can be asked of any layout.
fn value(name: &str, candidate: usize) -> f32 {
    let letters = name.bytes().map(u32::from).sum::<u32>();
    (letters as usize * (candidate + 3) % 17) as f32 / 4.0 - 2.0
}

fn evaluate(weights: &Weights) -> (Vec<f32>, Option<f32>) {
    let layout = weights.layout();
    let rows = (0..6).flat_map(|candidate| {
        let names = layout.candidate().iter();
        names.map(move |name| value(name, candidate))
    });
    let candidates: Vec<f32> = rows.collect();
    let globals: Vec<f32> = layout.global().iter().map(|name| value(name, 9)).collect();
    let window = Window {
        candidates: &candidates,
        globals: &globals,
        eligible: &[true; 6],
    };
    let mut scores = vec![0.0; 6];
    let network = Network::new(weights);
    let value = network.evaluate(&window, &mut Scratch::default(), &mut scores);
    (scores, value)
}

/// Sums of another order differ in their last bits.
#[track_caller]
fn assert_near(left: &(Vec<f32>, Option<f32>), right: &(Vec<f32>, Option<f32>)) {
    let numbers = |said: &(Vec<f32>, Option<f32>)| -> Vec<f32> {
        said.0.iter().copied().chain(said.1).collect()
    };
    let (left, right) = (numbers(left), numbers(right));
    let is_near = left
        .iter()
        .zip(&right)
        .all(|(left, right)| (left - right).abs() < 1e-5);
    assert!(left.len() == right.len() && is_near, "{left:?} {right:?}");
}

#[test]
fn columns_in_another_order_are_the_same_features() {
    let turned = Layout::new(["rank/saf", "wait", "log_area"], ["free/cpu", "load"]).unwrap();
    for form in [Form::Linear, pooled()] {
        let weights = weights(form);
        let aligned = weights.aligned(&turned).unwrap();
        assert_eq!(aligned.layout(), &turned);
        assert_near(&evaluate(&weights), &evaluate(&aligned));
        let back = Layout::new(CANDIDATE, GLOBAL).unwrap();
        assert_eq!(aligned.aligned(&back).unwrap(), weights);
    }
}

#[test]
fn a_new_feature_changes_nothing_until_it_is_trained() {
    let more = Layout::new(
        ["wait", "log_area", "slack", "rank/saf"],
        ["failures", "load", "free/cpu"],
    )
    .unwrap();
    for form in [Form::Linear, pooled()] {
        let weights = weights(form);
        let aligned = weights.aligned(&more).unwrap();
        assert_near(&evaluate(&weights), &evaluate(&aligned));
        assert_eq!(aligned.candidate_normalisation()[2], Normalisation::NONE);
        let mut parameters = aligned.parameters().to_vec();
        parameters[2] += 1.0;
        let trained = aligned.with_parameters(&parameters).unwrap();
        assert_ne!(evaluate(&trained), evaluate(&weights), "{form:?}");
    }
}

#[test]
fn an_unknown_feature_is_refused() {
    for (candidate, global, missing) in [
        (&CANDIDATE[..2], &GLOBAL[..], "rank/saf"),
        (&CANDIDATE[..], &GLOBAL[1..], "load"),
    ] {
        let layout = Layout::new(candidate.to_vec(), global.to_vec()).unwrap();
        let refused = weights(pooled()).aligned(&layout).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!(
                "it needs the feature `{missing}`, which this program does not observe; use a program that does, \
                 or train without it"
            )
        );
    }
}

/// A file of each format that was ever written, with what its network said then. None may ever be written anew.
#[test]
fn files_of_before_say_what_they_said() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/weights");
    let path = folder.join("format_1.safetensors");
    let read = Weights::from_bytes(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(read, weights(pooled()));
    let then = vec![
        3.8489585,
        -2.345703,
        1.3802084,
        2.3072915,
        -3.7519531,
        -0.09309894,
    ];
    assert_near(&evaluate(&read), &(then, Some(-3.7775607)));
}
