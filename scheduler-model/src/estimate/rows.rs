//! What is learned, as rows: written now and then, oldest changes first.

use std::collections::BTreeSet;

use super::{
    Estimator, SIGNATURES, Work,
    histogram::Histogram,
    logarithm::LARGEST_MILLI,
    node_at,
    speed::{Cell, Deviation, OfNode},
};
use crate::{EstimateRow, Learned, NodeName, Timestamp};

pub(crate) const WRITTEN_EVERY_MS: u64 = 30_000;

/// With so many rows it is enough for this time.
const ROWS_AT_ONCE: usize = 1_000;

/// What has run so often is worth a row.
const WRITTEN_FROM_RUNS: u64 = 2;

/// What memory has and the store has not.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    /// By since when.
    changed: BTreeSet<(Timestamp, u64)>,
    /// Stored, and pushed out of memory.
    forgotten: BTreeSet<u64>,
}

impl Unwritten {
    pub(super) fn note(&mut self, now: Timestamp, signature: u64) {
        self.changed.insert((now, signature));
    }

    pub(super) fn forget(
        &mut self,
        signature: u64,
        changed_at: Option<Timestamp>,
        is_stored: bool,
    ) {
        if let Some(changed_at) = changed_at {
            self.changed.remove(&(changed_at, signature));
        }
        if is_stored {
            self.forgotten.insert(signature);
        }
    }
}

impl Estimator {
    pub(crate) fn has_unwritten(&self) -> bool {
        !self.unwritten.changed.is_empty() || !self.unwritten.forgotten.is_empty()
    }

    /// What is to be written now. What is forgotten comes first, so that what has come back since stays. What follows from it is
    /// found anew, so that it is from now on as it would be after a load.
    pub(crate) fn take_rows(&mut self, name: impl Fn(u32) -> NodeName) -> Vec<EstimateRow> {
        self.refresh();
        let mut rows = Vec::new();
        while rows.len() < ROWS_AT_ONCE
            && let Some(signature) = self.unwritten.forgotten.pop_first()
        {
            rows.push(EstimateRow {
                signature,
                node: None,
                learned: Learned::Forgotten,
            });
        }
        while rows.len() < ROWS_AT_ONCE
            && let Some((_, signature)) = self.unwritten.changed.pop_first()
        {
            let work = self
                .works
                .get_mut(&signature)
                .expect("else it is forgotten");
            work.take_rows(signature, &name, &mut rows);
        }
        rows
    }

    /// From the store, by signature, what is of all nodes first. `node` is the place of the row's node.
    pub(crate) fn restore(&mut self, row: &EstimateRow, node: Option<u32>) {
        match (&row.learned, node) {
            (Learned::Runs(counts), _) => self.restore_runs(row.signature, counts),
            (
                Learned::Speed {
                    runs,
                    log_sum_milli,
                },
                Some(node),
            ) => {
                let runs = (*runs).min(u64::from(u32::MAX));
                let most = runs as i64 * LARGEST_MILLI;
                let deviation = Deviation {
                    runs,
                    log_sum_milli: (*log_sum_milli).clamp(-most, most),
                };
                self.restore_cell(row.signature, node, deviation);
            }
            (Learned::Speed { .. } | Learned::Forgotten, _) => {}
        }
    }

    fn restore_runs(&mut self, signature: u64, counts: &[(u16, u64)]) {
        let runs = Histogram::of_counts(counts);
        if runs.runs() == 0 || self.works.len() >= SIGNATURES {
            return;
        }
        self.by_use.insert((0, signature));
        let work = Work {
            runs,
            is_stored: true,
            ..Work::default()
        };
        self.works.insert(signature, work);
    }

    fn restore_cell(&mut self, signature: u64, node: u32, deviation: Deviation) {
        let Some(work) = self.works.get_mut(&signature) else {
            return;
        };
        if let Err(place) = work.cells.binary_search_by_key(&node, |cell| cell.node) {
            let mut cell = Cell::new(node);
            cell.deviation.add(deviation);
            work.between.add(&cell);
            work.cells.insert(place, cell);
            self.cells += 1;
        }
    }

    /// What follows from cells. A node is what these say together.
    pub(crate) fn refresh(&mut self) {
        self.nodes.clear();
        for (_, signature) in &self.by_use {
            let work = &self.works[signature];
            let variance = work.variance();
            for cell in &work.cells {
                node_at(&mut self.nodes, cell.node).add(cell.deviation, variance);
            }
        }
        self.nodes.iter_mut().for_each(OfNode::judge);
        for (_, signature) in &self.by_use {
            let work = self.works.get_mut(signature).expect("each is known");
            let variance = work.variance();
            for cell in &mut work.cells {
                cell.refresh(&self.nodes[cell.node as usize], variance);
            }
        }
    }
}

impl Work {
    /// True when it was as stored until now, and is worth a row.
    pub(super) fn note_change(&mut self, now: Timestamp) -> bool {
        let is_first = self.changed_at.is_none() && self.runs.runs() >= WRITTEN_FROM_RUNS;
        if is_first {
            self.changed_at = Some(now);
        }
        is_first
    }

    fn take_rows(
        &mut self,
        signature: u64,
        name: impl Fn(u32) -> NodeName,
        rows: &mut Vec<EstimateRow>,
    ) {
        self.changed_at = None;
        self.is_stored = true;
        rows.push(EstimateRow {
            signature,
            node: None,
            learned: Learned::Runs(self.runs.counts()),
        });
        for cell in self.cells.iter_mut().filter(|cell| cell.is_new) {
            cell.is_new = false;
            rows.push(EstimateRow {
                signature,
                node: Some(name(cell.node)),
                learned: Learned::Speed {
                    runs: cell.deviation.runs,
                    log_sum_milli: cell.deviation.log_sum_milli,
                },
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Expected;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn learn(estimator: &mut Estimator, signature: u64, node: u32, run_ms: u64) {
        learn_at(NOW, estimator, signature, node, run_ms);
    }

    fn learn_at(now: Timestamp, estimator: &mut Estimator, signature: u64, node: u32, run_ms: u64) {
        let expected = Expected {
            stated_ms: None,
            default_ms: 1,
            signature,
            wide_signature: signature,
        };
        estimator.learn(now, &expected, node, run_ms);
    }

    fn name(node: u32) -> NodeName {
        format!("n{node}").into()
    }

    #[test]
    fn what_is_written_comes_back() {
        let mut estimator = Estimator::default();
        // One after the other, so many that cells forget some; one node is slower, at one of them more than at the others.
        for run in 0..9_000 {
            let (signature, node) = (2 - run / 3_000, (run % 2) as u32);
            let slower_ms = u64::from(node) * (300 + 500 * (signature / 2));
            let run_ms = 1_000 + run * 7_919 % 400 + slower_ms;
            let now = NOW.plus_ms(run * 1_000);
            learn_at(now, &mut estimator, signature, node, run_ms);
        }
        let mut rows = estimator.take_rows(name);
        assert_eq!(rows.len(), 3 + 6, "each signature and each of its nodes");
        assert!(!estimator.has_unwritten() && estimator.take_rows(name).is_empty());
        rows.sort_by_key(|row| (row.signature, row.node.clone()));
        let mut loaded = Estimator::default();
        for row in &rows {
            let node = row.node.as_ref().map(|node| u32::from(&**node == "n1"));
            loaded.restore(row, node);
        }
        loaded.refresh();
        assert!(!loaded.has_unwritten());
        for signature in 0..3 {
            assert_eq!(
                loaded.works[&signature].runs,
                estimator.works[&signature].runs
            );
            assert_eq!(
                loaded.works[&signature].cells,
                estimator.works[&signature].cells
            );
            assert_ne!(estimator.node_speed(0), 1_000, "it differs");
            for node in 0..2 {
                assert_eq!(loaded.node_speed(node), estimator.node_speed(node));
                let speed = |estimator: &Estimator| estimator.speeds(signature).permille(node);
                assert_eq!(speed(&loaded), speed(&estimator));
            }
        }
    }

    #[test]
    fn what_ran_once_is_not_written_and_what_was_written_is_forgotten() {
        let mut estimator = Estimator::default();
        learn(&mut estimator, 1, 0, 10);
        assert!(!estimator.has_unwritten());
        learn(&mut estimator, 1, 0, 10);
        assert_eq!(estimator.take_rows(name).len(), 1);
        for signature in 2..2 + SIGNATURES as u64 {
            learn(&mut estimator, signature, 0, 10);
        }
        let rows = estimator.take_rows(name);
        let forgotten = EstimateRow {
            signature: 1,
            node: None,
            learned: Learned::Forgotten,
        };
        assert_eq!(rows, [forgotten]);
    }

    #[test]
    fn a_write_is_bounded_and_goes_on_where_it_stopped() {
        let mut estimator = Estimator::default();
        for signature in 0..1_500 {
            (0..2).for_each(|_| learn(&mut estimator, signature, 0, 10));
        }
        assert_eq!(estimator.take_rows(name).len(), ROWS_AT_ONCE);
        assert!(estimator.has_unwritten());
        assert_eq!(estimator.take_rows(name).len(), 500);
    }

    #[test]
    fn nonsense_in_the_store_is_bearable() {
        let mut estimator = Estimator::default();
        let row = |node: Option<&str>, learned| EstimateRow {
            signature: 1,
            node: node.map(Into::into),
            learned,
        };
        let far = Box::new([(u16::MAX, u64::MAX), (3, 0)]);
        estimator.restore(&row(None, Learned::Runs(far)), None);
        let speed = Learned::Speed {
            runs: u64::MAX,
            log_sum_milli: i64::MIN,
        };
        estimator.restore(&row(Some("n0"), speed.clone()), Some(0));
        estimator.restore(&row(Some("gone"), speed), None);
        let never = Learned::Speed {
            runs: 0,
            log_sum_milli: 7,
        };
        estimator.restore(&row(Some("n1"), never), Some(1));
        estimator.restore(&row(None, Learned::Runs(Box::new([]))), None);
        estimator.refresh();
        assert_eq!(estimator.speeds(1).permille(0), 50);
        learn(&mut estimator, 1, 0, u64::MAX);
    }
}
