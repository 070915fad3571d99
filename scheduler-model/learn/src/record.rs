use std::collections::BTreeMap;

/// Where a training tells how it goes. `()` forgets everything.
pub trait Record {
    /// What was measured at this step. Names have the form of TensorBoard: `losses/policy`.
    fn record(&mut self, step: u64, measured: &[(&str, f64)]);
}

impl Record for () {
    fn record(&mut self, _: u64, _: &[(&str, f64)]) {}
}

/// Keeps everything, for curves.
impl Record for Vec<(u64, String, f64)> {
    fn record(&mut self, step: u64, measured: &[(&str, f64)]) {
        self.extend(
            measured
                .iter()
                .map(|(name, value)| (step, (*name).to_owned(), *value)),
        );
    }
}

/// Means over the minibatches of a step, which is what curves are made of.
#[derive(Debug, Default)]
pub(crate) struct Means {
    sums: BTreeMap<&'static str, (f64, f64)>,
}

impl Means {
    pub(crate) fn add<const N: usize>(&mut self, measured: [(&'static str, f64); N]) {
        for (name, value) in measured {
            let (sum, count) = self.sums.entry(name).or_default();
            *sum += value;
            *count += 1.0;
        }
    }

    pub(crate) fn record<R: Record>(&self, step: u64, record: &mut R) {
        let means = self.sums.iter();
        let means: Vec<_> = means
            .map(|(name, (sum, count))| (*name, sum / count))
            .collect();
        record.record(step, &means);
    }
}
