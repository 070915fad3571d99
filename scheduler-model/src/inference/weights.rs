use super::{Architecture, Layout, Normalisation, Part, TensorShape, WeightsError};

const LONGEST_VERSION: usize = 64;

/// All that makes one network, checked: names, scales, sizes and finite parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    version: String,
    architecture: Architecture,
    layout: Layout,
    pub(super) normalisation: Normalisations,
    parameters: Vec<f32>,
}

/// Scales of a layout's columns.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Normalisations {
    pub(super) candidate: Vec<Normalisation>,
    pub(super) global: Vec<Normalisation>,
}

impl Weights {
    /// A network that gives every candidate the score 0, and does not scale its features.
    ///
    /// # Errors
    /// A malformed version; sizes out of bounds.
    pub fn zero(
        version: &str,
        architecture: Architecture,
        layout: Layout,
    ) -> Result<Self, WeightsError> {
        check_version(version)?;
        architecture.check()?;
        let (candidate, global) = (layout.candidate().len(), layout.global().len());
        let tensors = architecture.tensors(candidate, global);
        Ok(Self {
            version: version.to_owned(),
            architecture,
            layout,
            normalisation: Normalisations {
                candidate: vec![Normalisation::NONE; candidate],
                global: vec![Normalisation::NONE; global],
            },
            parameters: vec![0.0; tensors.iter().map(TensorShape::size).sum()],
        })
    }

    /// What users know it by.
    pub fn version(&self) -> &str {
        &self.version
    }

    pub fn architecture(&self) -> Architecture {
        self.architecture
    }

    /// The columns that it was trained on.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    pub fn candidate_normalisation(&self) -> &[Normalisation] {
        &self.normalisation.candidate
    }

    pub fn global_normalisation(&self) -> &[Normalisation] {
        &self.normalisation.global
    }

    /// The same network under another version.
    ///
    /// # Errors
    /// A malformed version.
    pub fn with_version(mut self, version: &str) -> Result<Self, WeightsError> {
        check_version(version)?;
        version.clone_into(&mut self.version);
        Ok(self)
    }

    /// The same parameters over other scales, one for each column.
    ///
    /// # Errors
    /// Another number of scales than of columns; a value that is not finite or a deviation too near zero.
    pub fn with_normalisation(
        mut self,
        candidate: Vec<Normalisation>,
        global: Vec<Normalisation>,
    ) -> Result<Self, WeightsError> {
        check_normalisation("candidate", self.layout.candidate(), &candidate)?;
        check_normalisation("global", self.layout.global(), &global)?;
        self.normalisation = Normalisations { candidate, global };
        Ok(self)
    }

    /// All parameters, tensor after tensor in the order of [`Architecture::tensors`].
    pub fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    /// Those that count for scores. They come before those of the value head.
    pub fn policy_parameters(&self) -> &[f32] {
        &self.parameters[..self.policy_size()]
    }

    /// The same network with other parameters: all of them, or those that count for scores.
    ///
    /// # Errors
    /// Another number of parameters; one that is not finite.
    pub fn with_parameters(mut self, parameters: &[f32]) -> Result<Self, WeightsError> {
        let expected = self.parameters.len();
        let found = parameters.len();
        if found != expected && found != self.policy_size() {
            return Err(WeightsError::ParameterCount { found, expected });
        }
        self.parameters[..found].copy_from_slice(parameters);
        let mut rest = self.parameters.as_slice();
        for tensor in self.tensors() {
            let values;
            (values, rest) = rest.split_at(tensor.size());
            check_finite(tensor.name, values)?;
        }
        Ok(self)
    }

    /// The tensors of this network, in order.
    pub fn tensors(&self) -> Vec<TensorShape> {
        let (candidate, global) = (self.layout.candidate().len(), self.layout.global().len());
        self.architecture.tensors(candidate, global)
    }

    /// The elements of a tensor, row after row.
    pub fn tensor(&self, name: &str) -> Option<&[f32]> {
        let mut rest = self.parameters.as_slice();
        for tensor in self.tensors() {
            let values;
            (values, rest) = rest.split_at(tensor.size());
            if tensor.name == name {
                return Some(values);
            }
        }
        None
    }

    fn policy_size(&self) -> usize {
        let tensors = self.tensors();
        let policy = tensors.iter().filter(|tensor| tensor.part == Part::Policy);
        policy.map(TensorShape::size).sum()
    }
}

fn check_version(version: &str) -> Result<(), WeightsError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=LONGEST_VERSION).contains(&version.len()) && version.bytes().all(allowed) {
        return Ok(());
    }
    Err(WeightsError::Version {
        found: version.chars().take(LONGEST_VERSION).collect(),
    })
}

fn check_normalisation(
    what: &'static str,
    columns: &[String],
    scales: &[Normalisation],
) -> Result<(), WeightsError> {
    if columns.len() != scales.len() {
        return Err(WeightsError::Size {
            what: "scales",
            found: scales.len(),
            least: columns.len(),
            most: columns.len(),
        });
    }
    for (position, (column, scale)) in columns.iter().zip(scales).enumerate() {
        for value in [scale.mean, scale.deviation] {
            if !value.is_finite() {
                return Err(WeightsError::NotFinite {
                    tensor: what,
                    position,
                    value,
                });
            }
        }
        scale.check(column)?;
    }
    Ok(())
}

pub(super) fn check_finite(tensor: &'static str, values: &[f32]) -> Result<(), WeightsError> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(position) => Err(WeightsError::NotFinite {
            tensor,
            position,
            value: values[position],
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::Form;

    fn linear() -> Weights {
        let architecture = Architecture {
            form: Form::Linear,
            value: Some(4),
        };
        let layout = Layout::new(["wait", "rank/saf"], ["load"]).unwrap();
        Weights::zero("first", architecture, layout).unwrap()
    }

    #[test]
    fn policy_parameters_are_the_first() {
        let weights = linear();
        assert_eq!(weights.policy_parameters().len(), 2);
        assert_eq!(weights.parameters().len(), 2 + 5 * 4 + 4 + 4 + 1);
        let changed = weights.with_parameters(&[0.5, -1.0]).unwrap();
        assert_eq!(changed.tensor("skip.weight"), Some(&[0.5, -1.0][..]));
        assert_eq!(changed.tensor("value.offset"), Some(&[0.0][..]));
        assert_eq!(changed.tensor("embedding.weight"), None);
    }

    #[test]
    fn parameters_are_counted_and_finite() {
        let refused = linear().with_parameters(&[1.0]).unwrap_err();
        assert!(matches!(
            refused,
            WeightsError::ParameterCount { found: 1, .. }
        ));
        let refused = linear().with_parameters(&[1.0, f32::NAN]).unwrap_err();
        assert!(matches!(
            refused,
            WeightsError::NotFinite { position: 1, .. }
        ));
    }

    #[test]
    fn a_version_fits_a_file_name() {
        for version in ["", "a/b", "a b", &"v".repeat(65)] {
            let refused = linear().with_version(version).unwrap_err();
            assert!(
                matches!(refused, WeightsError::Version { .. }),
                "{version:?}"
            );
        }
    }

    #[test]
    fn sizes_have_bounds() {
        let architecture = Architecture {
            form: Form::Pooled {
                embedding: 32,
                context: 0,
                scoring: 32,
            },
            value: None,
        };
        let layout = Layout::new(["wait"], []).unwrap();
        let refused = Weights::zero("first", architecture, layout).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "it has 0 hidden units of the context, and 1 to 512 are allowed"
        );
    }
}
