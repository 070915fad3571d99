use super::WeightsError;

const LONGEST_NAME: usize = 64;

/// The columns of an observation, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    candidate: Vec<String>,
    global: Vec<String>,
}

impl Layout {
    pub const MOST_FEATURES: usize = 256;

    /// # Errors
    /// A malformed or repeated name; no feature of a candidate; too many features.
    pub fn new<T: Into<String>>(
        candidate: impl IntoIterator<Item = T>,
        global: impl IntoIterator<Item = T>,
    ) -> Result<Self, WeightsError> {
        let candidate: Vec<String> = candidate.into_iter().map(Into::into).collect();
        let global: Vec<String> = global.into_iter().map(Into::into).collect();
        check("features of a candidate", &candidate, 1)?;
        check("global features", &global, 0)?;
        Ok(Self { candidate, global })
    }

    /// What is known of each candidate.
    pub fn candidate(&self) -> &[String] {
        &self.candidate
    }

    /// What is known of the whole window.
    pub fn global(&self) -> &[String] {
        &self.global
    }

    /// The column of a candidate's feature.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.candidate.iter().position(|column| column == name)
    }
}

fn check(what: &'static str, names: &[String], least: usize) -> Result<(), WeightsError> {
    let most = Layout::MOST_FEATURES;
    if !(least..=most).contains(&names.len()) {
        let found = names.len();
        return Err(WeightsError::Size {
            what,
            found,
            least,
            most,
        });
    }
    for (place, name) in names.iter().enumerate() {
        if !is_name(name) {
            return Err(WeightsError::FeatureName(
                name.chars().take(LONGEST_NAME).collect(),
            ));
        }
        if names[..place].contains(name) {
            return Err(WeightsError::RepeatedFeature(name.clone()));
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'/');
    !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(allowed)
}

/// How a feature is scaled before it enters the network: `(x - mean) / deviation`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalisation {
    pub mean: f32,
    /// At least [`Normalisation::LEAST_DEVIATION`].
    pub deviation: f32,
}

impl Normalisation {
    pub const NONE: Self = Self {
        mean: 0.0,
        deviation: 1.0,
    };
    pub const LEAST_DEVIATION: f32 = 1e-6;

    pub(super) fn check(self, feature: &str) -> Result<(), WeightsError> {
        if self.deviation >= Self::LEAST_DEVIATION {
            return Ok(());
        }
        Err(WeightsError::Deviation {
            feature: feature.to_owned(),
            found: self.deviation,
            least: Self::LEAST_DEVIATION,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name() {
        let layout = Layout::new(["wait", "rank/saf"], ["load"]).unwrap();
        assert_eq!(layout.column("rank/saf"), Some(1));
        assert_eq!(layout.column("load"), None);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for name in ["", "Wait", "log area", "wäit", &"w".repeat(65)] {
            let refused = Layout::new([name], []).unwrap_err();
            assert!(matches!(refused, WeightsError::FeatureName(_)), "{name}");
        }
    }

    #[test]
    fn a_name_twice_is_refused() {
        let refused = Layout::new(["wait", "slack", "wait"], []).unwrap_err();
        assert!(matches!(refused, WeightsError::RepeatedFeature(name) if name == "wait"));
    }

    #[test]
    fn candidates_without_features_are_refused() {
        let refused = Layout::new([], ["load"]).unwrap_err();
        assert!(matches!(refused, WeightsError::Size { found: 0, .. }));
    }
}
