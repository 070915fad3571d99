//! Policies by name, those of files too.

use std::{fs, path::Path, sync::Arc};

use drover_model::{
    inference::Weights,
    policy::{self, Learned, Policy},
};

use super::CommandError;

/// What is before the file's path.
const FILE: &str = "learned:";

/// A rule, or `learned:FILE` with weights that `drover-learner` wrote.
pub(super) fn find(name: &str) -> Result<Arc<dyn Policy>, CommandError> {
    let Some(path) = name.strip_prefix(FILE) else {
        return Ok(policy::find(name)?);
    };
    let path = Path::new(path);
    let bytes = fs::read(path).map_err(|source| CommandError::Read {
        path: path.to_owned(),
        source,
    })?;
    let weights = Weights::from_bytes(&bytes);
    let policy = weights.and_then(|weights| Learned::new(&name_of(&weights), &weights));
    policy.map_err(|source| CommandError::Weights {
        path: path.to_owned(),
        source,
    })
}

/// By which tables tell several files from each other.
fn name_of(weights: &Weights) -> String {
    format!("{FILE}{}", weights.version())
}

#[cfg(test)]
mod tests {
    use drover_model::{
        inference::{Architecture, Form, Layout},
        observation::layout,
    };

    use super::*;

    fn weights(layout: Layout) -> Vec<u8> {
        let architecture = Architecture {
            form: Form::Linear,
            value: None,
        };
        let weights = Weights::zero("v7", architecture, layout).unwrap();
        weights.to_bytes().unwrap()
    }

    #[test]
    fn weights_of_a_file_are_a_policy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        let name = format!("learned:{}", path.display());
        fs::write(&path, weights(layout())).unwrap();
        assert_eq!(find(&name).unwrap().name(), "learned:v7");
        assert_eq!(find("saf").unwrap().name(), "saf");
    }

    #[test]
    fn what_cannot_be_used_says_which_file_and_why() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        let name = format!("learned:{}", path.display());
        let refused = || find(&name).unwrap_err().to_string();
        assert!(refused().contains("cannot read"), "{}", refused());
        fs::write(&path, b"nothing").unwrap();
        assert!(refused().contains("safetensors"), "{}", refused());
        let unknown = Layout::new(["phase_of_the_moon"], []).unwrap();
        fs::write(&path, weights(unknown)).unwrap();
        assert!(refused().contains("`phase_of_the_moon`"), "{}", refused());
        assert!(refused().contains(&path.display().to_string()));
    }
}
