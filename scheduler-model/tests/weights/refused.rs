use drover_model::inference::{Form, Weights, WeightsError};
use proptest::prelude::*;
use serde_json::json;

use crate::files::{File, pooled, weights};

fn reason(file: &File) -> String {
    Weights::from_bytes(&file.bytes()).unwrap_err().to_string()
}

fn file() -> File {
    File::of(&weights(pooled()))
}

#[test]
fn what_was_written_is_read() {
    for form in [Form::Linear, pooled()] {
        let written = weights(form);
        let bytes = written.to_bytes().unwrap();
        assert_eq!(Weights::from_bytes(&bytes).unwrap(), written);
        assert_eq!(written.to_bytes().unwrap(), bytes);
    }
}

#[test]
fn a_truncated_file() {
    let bytes = file().bytes();
    for length in 0..bytes.len() {
        let refused = Weights::from_bytes(&bytes[..length]).unwrap_err();
        assert!(matches!(refused, WeightsError::Container(_)), "{length}");
    }
}

#[test]
fn a_file_of_somebody_else() {
    let mut other = file();
    other.header["__metadata__"] = json!({"format": "pt"});
    let expected = "its metadata has no entry `drover`: it was not written by drover-learner";
    assert_eq!(reason(&other), expected);
    other.header["__metadata__"] = json!({"drover": "{"});
    assert!(reason(&other).starts_with("its metadata entry `drover` cannot be read: EOF"));
}

#[test]
fn another_format() {
    let newer = file().described(&json!({"format": 2, "architecture": "unheard of"}));
    assert_eq!(
        reason(&newer),
        "it has format 2, and this program reads format 1; use a learner and a coordinator of the same version"
    );
}

#[test]
fn a_malformed_description() {
    for (changes, expected) in [
        (json!({"version": "a b"}), "its version is `a b`; 1 to 64"),
        (
            json!({"candidate": ["wait", "wait", "rank/saf"]}),
            "the feature `wait` is there twice",
        ),
        (
            json!({"candidate": ["wait", "Log", "rank/saf"]}),
            "`Log` cannot be the name of a feature",
        ),
        (
            json!({"candidate": []}),
            "it has 0 features of a candidate, and 1 to 256",
        ),
        (
            json!({"architecture": {"form": "linear", "value": 100_000}}),
            "it has 100000 hidden units of the value head, and 1 to 512",
        ),
        (
            json!({"architecture": {"form": "recurrent"}}),
            "its metadata entry `drover` cannot be read: unknown variant `recurrent`",
        ),
    ] {
        let refused = reason(&file().described(&changes));
        assert!(refused.starts_with(expected), "{refused}");
    }
}

#[test]
fn another_shape() {
    let fewer = file().described(&json!({"candidate": ["wait", "log_area"]}));
    assert_eq!(
        reason(&fewer),
        "the tensor `candidate.mean` has shape [3], and its network needs [2]"
    );
    let mut turned = file();
    turned.header["embedding.weight"]["shape"] = json!([9]);
    assert_eq!(
        reason(&turned),
        "the tensor `embedding.weight` has shape [9], and its network needs [3, 3]"
    );
}

#[test]
fn a_tensor_too_few_or_too_many() {
    let no_head =
        json!({"architecture": {"form": {"pooled": {"embedding": 3, "context": 2, "scoring": 4}}}});
    assert_eq!(
        reason(&file().described(&no_head)),
        "the tensor `value.bias` belongs to no part of its network"
    );
    let mut renamed = File::of(&weights(Form::Linear));
    let skip = renamed.header["skip.weight"].take();
    renamed
        .header
        .as_object_mut()
        .unwrap()
        .remove("skip.weight");
    assert!(reason(&renamed).starts_with("not a complete safetensors file"));
    renamed.header["skip.weights"] = skip;
    assert_eq!(
        reason(&renamed),
        "the tensor `skip.weights` belongs to no part of its network"
    );
    let missing = File::of(&weights(Form::Linear)).described(&json!({
        "architecture": {"form": {"pooled": {"embedding": 3, "context": 2, "scoring": 4}}, "value": 2}
    }));
    assert_eq!(reason(&missing), "the tensor `embedding.weight` is missing");
}

#[test]
fn another_kind_of_number() {
    let mut integers = file();
    integers.header["skip.weight"]["dtype"] = json!("I32");
    assert_eq!(
        reason(&integers),
        "the tensor `skip.weight` holds I32, and must hold F32"
    );
}

#[test]
fn numbers_that_are_none() {
    assert_eq!(
        reason(&file().with_element("scoring.weight", 5, f32::NAN)),
        "the tensor `scoring.weight` has NaN at position 5: training has diverged"
    );
    assert_eq!(
        reason(&file().with_element("global.mean", 1, f32::INFINITY)),
        "the tensor `global.mean` has inf at position 1: training has diverged"
    );
    assert_eq!(
        reason(&file().with_element("candidate.deviation", 1, 0.0)),
        "the deviation of the feature `log_area` is 0, and must be at least 0.000001"
    );
}

proptest! {
    /// Whatever happens to a file: it is refused, or it is weights that can be written again.
    #[test]
    fn mutated_files_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        length in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = file().bytes();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if is_cut {
            bytes.truncate(length.index(bytes.len()));
        }
        if let Ok(weights) = Weights::from_bytes(&bytes) {
            prop_assert_eq!(Weights::from_bytes(&weights.to_bytes().unwrap()).unwrap(), weights);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        prop_assert!(Weights::from_bytes(&bytes).is_err());
    }
}
