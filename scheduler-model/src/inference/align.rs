//! Features are matched by name, so that weights outlive a change of what is observed.

use super::{Form, Layout, Normalisation, Weights, WeightsError, weights::Normalisations};

impl Weights {
    /// The same network for observations of another layout: its columns in that order, and what is new with weight 0,
    /// so that scores are those of before, up to the rounding of sums.
    ///
    /// # Errors
    /// A feature that the network needs and the layout lacks.
    pub fn aligned(&self, layout: &Layout) -> Result<Self, WeightsError> {
        let candidate = sources(self.layout().candidate(), layout.candidate())?;
        let global = sources(self.layout().global(), layout.global())?;
        let summary = self.summary_sources(&candidate, &global);
        let mut parameters = Vec::new();
        for tensor in self.tensors() {
            let values = self.tensor(tensor.name).unwrap_or_default();
            let rows = match tensor.name {
                "skip.weight" | "embedding.weight" => &candidate,
                "context.weight" | "value.weight" => &summary,
                _ => {
                    parameters.extend_from_slice(values);
                    continue;
                }
            };
            let columns = tensor.shape.get(1).copied().unwrap_or(1);
            for row in rows {
                match row {
                    Some(row) => parameters.extend(&values[row * columns..][..columns]),
                    None => parameters.extend(std::iter::repeat_n(0.0, columns)),
                }
            }
        }
        let aligned = Self::zero(self.version(), self.architecture(), layout.clone())?;
        let mut aligned = aligned.with_parameters(&parameters)?;
        aligned.normalisation = Normalisations {
            candidate: scales(self.candidate_normalisation(), &candidate),
            global: scales(self.global_normalisation(), &global),
        };
        Ok(aligned)
    }

    /// Where each row of the new summary comes from: mean and maximum of what is pooled, then the global features.
    fn summary_sources(
        &self,
        candidate: &[Option<usize>],
        global: &[Option<usize>],
    ) -> Vec<Option<usize>> {
        let before = self.layout().candidate().len();
        let pooled = match self.architecture().form {
            Form::Linear => candidate.to_vec(),
            Form::Pooled { embedding, .. } => (0..embedding).map(Some).collect(),
        };
        let size = self.architecture().pooled(before);
        let shifted = |rows: &[Option<usize>], by: usize| -> Vec<Option<usize>> {
            rows.iter().map(|row| row.map(|row| row + by)).collect()
        };
        [
            shifted(&pooled, 0),
            shifted(&pooled, size),
            shifted(global, 2 * size),
        ]
        .concat()
    }
}

/// For each column to be, the one that it was.
fn sources(before: &[String], after: &[String]) -> Result<Vec<Option<usize>>, WeightsError> {
    if let Some(unknown) = before.iter().find(|name| !after.contains(name)) {
        return Err(WeightsError::UnknownFeature(unknown.clone()));
    }
    let source = |name| before.iter().position(|column| column == name);
    Ok(after.iter().map(source).collect())
}

fn scales(before: &[Normalisation], sources: &[Option<usize>]) -> Vec<Normalisation> {
    let scale = |source: &Option<usize>| source.map_or(Normalisation::NONE, |row| before[row]);
    sources.iter().map(scale).collect()
}
