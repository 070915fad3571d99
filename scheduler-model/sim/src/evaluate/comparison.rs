//! Many policies on many workloads, many times each.

use std::sync::Arc;

use super::{Figures, Metric, PairedComparison, bootstrap::compare};

/// Who competes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contender {
    pub policy: Arc<str>,
    /// `strict`, `easy` or `greedy`, with what else says how it dispatches.
    pub mode: Arc<str>,
}

/// One workload: runs of all contenders on the same seeds or windows.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// For people: the family with its load, or the file.
    pub workload: Arc<str>,
    /// By contender, then by run.
    runs: Vec<Vec<Run>>,
}

/// One simulation.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Seed of the workload, or first job of the window.
    pub seed: u64,
    pub figures: Figures,
}

/// All runs, and who the others are compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    contenders: Vec<Contender>,
    baseline: usize,
    cells: Vec<Cell>,
}

/// Why runs cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    #[error("no policy was given to evaluate; name at least one")]
    NoContenders,
    #[error(
        "the baseline `{baseline}` is not among the policies evaluated ({known}); add it to them or name one of these"
    )]
    UnknownBaseline { baseline: String, known: String },
    #[error(
        "workload `{workload}` has runs of {found} policies where {expected} are evaluated; run each policy on it"
    )]
    Contenders {
        workload: String,
        found: usize,
        expected: usize,
    },
    #[error(
        "policy `{policy}` did not run on the same seeds of workload `{workload}` as the others; run all policies on equal seeds"
    )]
    Unpaired { workload: String, policy: String },
}

impl Evaluation {
    /// `baseline`: a policy's name, with `/mode` where one policy competes in several. `None`: the first contender.
    pub fn new(
        contenders: Vec<Contender>,
        baseline: Option<&str>,
    ) -> Result<Self, EvaluationError> {
        if contenders.is_empty() {
            return Err(EvaluationError::NoContenders);
        }
        let baseline = match baseline {
            None => 0,
            Some(name) => find(&contenders, name)?,
        };
        Ok(Self {
            contenders,
            baseline,
            cells: Vec::new(),
        })
    }

    /// `runs`: by contender, in the order they were given in; each on the same seeds in the same order.
    pub fn add(
        &mut self,
        workload: impl Into<Arc<str>>,
        runs: Vec<Vec<Run>>,
    ) -> Result<(), EvaluationError> {
        let workload = workload.into();
        if runs.len() != self.contenders.len() {
            return Err(EvaluationError::Contenders {
                workload: workload.to_string(),
                found: runs.len(),
                expected: self.contenders.len(),
            });
        }
        let seeds = |runs: &[Run]| runs.iter().map(|run| run.seed).collect::<Vec<u64>>();
        let expected = seeds(&runs[0]);
        if let Some(place) = runs.iter().position(|runs| seeds(runs) != expected) {
            return Err(EvaluationError::Unpaired {
                workload: workload.to_string(),
                policy: self.contenders[place].to_string(),
            });
        }
        self.cells.push(Cell { workload, runs });
        Ok(())
    }

    pub fn contenders(&self) -> &[Contender] {
        &self.contenders
    }

    /// Place among the contenders.
    pub fn baseline(&self) -> usize {
        self.baseline
    }

    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The contender at that place against the baseline, run by run. `None` for the baseline itself, and where a run has
    /// nothing of the metric.
    pub fn compare(
        &self,
        cell: &Cell,
        contender: usize,
        metric: &Metric,
    ) -> Option<PairedComparison> {
        if contender == self.baseline {
            return None;
        }
        let values = cell.values(contender, metric)?;
        let baseline = cell.values(self.baseline, metric)?;
        // The same for all: intervals must not depend on who else competes.
        compare(&values, &baseline, 0)
    }
}

/// Exact first; a policy alone if it competes in one mode only.
fn find(contenders: &[Contender], name: &str) -> Result<usize, EvaluationError> {
    let exact = contenders
        .iter()
        .position(|contender| contender.to_string() == name);
    let first = || {
        let mut places = contenders.iter();
        places.position(|contender| *contender.policy == *name)
    };
    exact.or_else(first).ok_or_else(|| {
        let known = contenders.iter().map(Contender::to_string);
        EvaluationError::UnknownBaseline {
            baseline: name.to_owned(),
            known: known.collect::<Vec<_>>().join(", "),
        }
    })
}

impl Cell {
    pub fn runs(&self, contender: usize) -> &[Run] {
        &self.runs[contender]
    }

    /// `None` without runs.
    pub fn mean(&self, contender: usize) -> Option<Figures> {
        Figures::mean_of(self.runs[contender].iter().map(|run| &run.figures))
    }

    /// One for each run; `None` if one has nothing of it.
    pub fn values(&self, contender: usize, metric: &Metric) -> Option<Vec<f64>> {
        let runs = self.runs[contender].iter();
        runs.map(|run| (metric.of)(&run.figures)).collect()
    }
}

impl std::fmt::Display for Contender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.policy, self.mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{
        metric::metric,
        synthetic::{contender, evaluation, runs},
    };

    #[test]
    fn everybody_against_the_baseline() {
        let evaluation = evaluation();
        let objective = metric("objective").expect("listed");
        let cell = &evaluation.cells()[0];
        assert_eq!(evaluation.compare(cell, 0, objective), None);
        let slower = evaluation
            .compare(cell, 1, objective)
            .expect("not the baseline");
        assert!(slower.difference > 0.0 && slower.is_sure());
    }

    #[test]
    fn a_baseline_goes_by_policy_and_mode() {
        let contenders = vec![
            contender("saf", "strict"),
            contender("fifo", "easy"),
            contender("fifo", "strict"),
        ];
        let baseline = |name| {
            let evaluation = Evaluation::new(contenders.clone(), name)?;
            Ok(evaluation.baseline())
        };
        assert_eq!(baseline(None), Ok(0));
        assert_eq!(baseline(Some("fifo/strict")), Ok(2));
        assert_eq!(baseline(Some("fifo")), Ok(1));
        let unknown: Result<usize, EvaluationError> = baseline(Some("sjf"));
        let message = unknown.expect_err("it is not there").to_string();
        assert!(message.contains("`sjf`") && message.contains("fifo/easy"));
    }

    #[test]
    fn unequal_seeds_are_refused() {
        let mut evaluation = Evaluation::new(
            vec![contender("fifo", "easy"), contender("saf", "easy")],
            None,
        )
        .expect("two");
        let unpaired = vec![runs(&[1, 2], 1.0), runs(&[1, 3], 1.0)];
        assert_eq!(
            evaluation.add("steady 0.9", unpaired),
            Err(EvaluationError::Unpaired {
                workload: "steady 0.9".to_owned(),
                policy: "saf/easy".to_owned()
            })
        );
        assert!(matches!(
            evaluation.add("steady 0.9", vec![runs(&[1], 1.0)]),
            Err(EvaluationError::Contenders { .. })
        ));
        assert!(matches!(
            Evaluation::new(Vec::new(), None),
            Err(EvaluationError::NoContenders)
        ));
    }
}
