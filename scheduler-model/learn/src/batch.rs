use tch::{Device, Kind, Tensor};

use crate::Observation;

/// Observations side by side. Shorter windows are filled up with candidates that are not eligible.
#[derive(Debug)]
pub struct Batch {
    /// Observations, candidates, columns.
    pub(crate) candidates: Tensor,
    /// Observations, columns.
    pub(crate) globals: Tensor,
    /// Observations, candidates; true where a candidate counts.
    pub(crate) eligible: Tensor,
    /// The same, true where it may be chosen.
    pub(crate) open: Tensor,
}

impl Batch {
    /// All with the columns of one layout.
    pub fn new(observations: &[&Observation], device: Device) -> Self {
        let count = observations.len();
        let windows = observations.iter().map(|one| one.eligible.len());
        let longest = windows.max().unwrap_or(0);
        let candidates = observations.iter().map(|one| one.candidates.as_slice());
        let columns = observations.iter().find(|one| !one.eligible.is_empty());
        let columns = columns.map_or(0, |one| one.candidates.len() / one.eligible.len());
        let candidates = padded(candidates, longest * columns);
        let globals: Vec<f32> = observations
            .iter()
            .flat_map(|one| one.globals.iter().copied())
            .collect();
        let eligible = padded(
            observations.iter().map(|one| one.eligible.as_slice()),
            longest,
        );
        let open: Vec<Vec<bool>> = observations.iter().map(|one| one.open()).collect();
        let open = padded(open.iter().map(Vec::as_slice), longest);
        let [count, longest, columns] = [count, longest, columns].map(|size| size as i64);
        let tensor = |values: &[f32]| Tensor::from_slice(values).to_device(device);
        let flags = |values: &[bool]| {
            let flags = Tensor::from_slice(values).to_device(device);
            flags.view([count, longest])
        };
        Self {
            candidates: tensor(&candidates).view([count, longest, columns]),
            globals: tensor(&globals).view([count, globals.len() as i64 / count.max(1)]),
            eligible: flags(&eligible),
            open: flags(&open),
        }
    }
}

/// Rows of one length, the rest of each left at zero.
fn padded<'a, T: Copy + Default + 'a>(
    rows: impl Iterator<Item = &'a [T]>,
    length: usize,
) -> Vec<T> {
    let mut values = Vec::new();
    for row in rows {
        let end = values.len() + length;
        values.extend_from_slice(row);
        values.resize(end, T::default());
    }
    values
}

/// A column of numbers, one for each observation.
pub(crate) fn column(values: impl Iterator<Item = f64>, device: Device) -> Tensor {
    let values: Vec<f32> = values.map(|value| value as f32).collect();
    Tensor::from_slice(&values).to_device(device)
}

/// What stands at these places: one candidate of each observation.
pub(crate) fn chosen(of: &Tensor, candidates: impl Iterator<Item = usize>) -> Tensor {
    let places: Vec<i64> = candidates.map(|candidate| candidate as i64).collect();
    let places = Tensor::from_slice(&places)
        .to_device(of.device())
        .to_kind(Kind::Int64);
    of.gather(1, &places.unsqueeze(1), false).squeeze_dim(1)
}
