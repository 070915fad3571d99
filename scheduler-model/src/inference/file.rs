//! Weights as bytes: a safetensors file (the format of the crate `safetensors`, which checks offsets and lengths).
//!
//! It holds the tensors of the network, `candidate.mean`, `candidate.deviation`, `global.mean` and `global.deviation`,
//! all as little-endian F32, and under the metadata entry `drover` a description: format, version, sizes, and the names
//! of the columns.

use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::{
    Layout, Normalisation, Weights, WeightsError, description::Description, weights::check_finite,
};

const CANDIDATE_SCALES: [&str; 2] = ["candidate.mean", "candidate.deviation"];
const GLOBAL_SCALES: [&str; 2] = ["global.mean", "global.deviation"];

impl Weights {
    /// # Errors
    /// Anything that is not a complete, finite network of this program's format, with the reason.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WeightsError> {
        let description = describe(bytes)?;
        let file = SafeTensors::deserialize(bytes)?;
        let layout = Layout::new(description.candidate, description.global)?;
        let blank = Self::zero(&description.version, description.architecture, layout)?;
        blank.refuse_others(&file)?;
        let candidate = read_scales(&file, CANDIDATE_SCALES, blank.layout().candidate().len())?;
        let global = read_scales(&file, GLOBAL_SCALES, blank.layout().global().len())?;
        let mut parameters = Vec::with_capacity(blank.parameters().len());
        for tensor in blank.tensors() {
            parameters.extend(read(&file, tensor.name, &tensor.shape)?);
        }
        blank
            .with_normalisation(candidate, global)?
            .with_parameters(&parameters)
    }

    /// Equal weights give equal bytes.
    ///
    /// # Errors
    /// None that is known of: what is written was checked when it was made.
    pub fn to_bytes(&self) -> Result<Vec<u8>, WeightsError> {
        let mut tensors: Vec<(&str, Vec<usize>, Vec<u8>)> = Vec::new();
        for tensor in self.tensors() {
            let values = self.tensor(tensor.name).unwrap_or_default();
            tensors.push((tensor.name, tensor.shape, bytes_of(values.iter().copied())));
        }
        for (names, scales) in [
            (CANDIDATE_SCALES, self.candidate_normalisation()),
            (GLOBAL_SCALES, self.global_normalisation()),
        ] {
            let means = bytes_of(scales.iter().map(|scale| scale.mean));
            let deviations = bytes_of(scales.iter().map(|scale| scale.deviation));
            tensors.push((names[0], vec![scales.len()], means));
            tensors.push((names[1], vec![scales.len()], deviations));
        }
        let mut views = Vec::with_capacity(tensors.len());
        for (name, shape, bytes) in &tensors {
            views.push((*name, TensorView::new(Dtype::F32, shape.clone(), bytes)?));
        }
        let (candidate, global) = (self.layout().candidate(), self.layout().global());
        let description = Description::new(self.version(), self.architecture(), candidate, global);
        let entry = serde_json::to_string(&description)?;
        let metadata = [(Description::ENTRY.to_owned(), entry)];
        Ok(safetensors::serialize(
            views,
            Some(metadata.into_iter().collect()),
        )?)
    }

    fn refuse_others(&self, file: &SafeTensors<'_>) -> Result<(), WeightsError> {
        let tensors = self.tensors();
        let known = |name: &str| {
            tensors.iter().any(|tensor| tensor.name == name)
                || [CANDIDATE_SCALES, GLOBAL_SCALES].concat().contains(&name)
        };
        let mut others: Vec<&str> = file.names();
        others.retain(|name| !known(name));
        match others.into_iter().min() {
            None => Ok(()),
            Some(other) => Err(WeightsError::UnknownTensor(other.to_owned())),
        }
    }
}

fn describe(bytes: &[u8]) -> Result<Description, WeightsError> {
    let (_, metadata) = SafeTensors::read_metadata(bytes)?;
    let entries = metadata.metadata().as_ref();
    let entry = entries.and_then(|entries| entries.get(Description::ENTRY));
    Description::parse(entry.ok_or(WeightsError::NoDescription)?)
}

fn read_scales(
    file: &SafeTensors<'_>,
    [mean, deviation]: [&'static str; 2],
    columns: usize,
) -> Result<Vec<Normalisation>, WeightsError> {
    let means = read(file, mean, &[columns])?;
    let deviations = read(file, deviation, &[columns])?;
    let pairs = means.into_iter().zip(deviations);
    Ok(pairs
        .map(|(mean, deviation)| Normalisation { mean, deviation })
        .collect())
}

fn read(
    file: &SafeTensors<'_>,
    name: &'static str,
    expected: &[usize],
) -> Result<Vec<f32>, WeightsError> {
    let view = file.tensor(name);
    let view = view.map_err(|_| WeightsError::MissingTensor(name))?;
    if view.dtype() != Dtype::F32 {
        return Err(WeightsError::ElementKind {
            tensor: name,
            found: view.dtype(),
        });
    }
    if view.shape() != expected {
        return Err(WeightsError::Shape {
            tensor: name,
            found: view.shape().to_vec(),
            expected: expected.to_vec(),
        });
    }
    let (elements, _) = view.data().as_chunks();
    let values: Vec<f32> = elements
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    check_finite(name, &values)?;
    Ok(values)
}

fn bytes_of(values: impl Iterator<Item = f32>) -> Vec<u8> {
    values.flat_map(f32::to_le_bytes).collect()
}
