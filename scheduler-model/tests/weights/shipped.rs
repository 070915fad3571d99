//! The networks of this repository.

use std::{fs, path::Path};

use drover_model::{inference::Weights, policy::Learned};

#[test]
fn all_are_for_this_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
    let files = fs::read_dir(folder).expect("the folder is there");
    let mut names = Vec::new();
    for file in files {
        let path = file.expect("readable").path();
        // A training leaves a checkpoint beside its weights.
        if path.extension().is_none_or(|kind| kind != "safetensors") {
            continue;
        }
        let weights = Weights::from_bytes(&fs::read(&path).expect("readable"));
        let policy = weights.and_then(|weights| Learned::new("learned", &weights));
        assert!(policy.is_ok(), "{}: {policy:?}", path.display());
        names.push(path.file_stem().expect("a name").to_owned());
    }
    assert!(names.iter().any(|name| name == "learned"), "{names:?}");
}
