//! Random histories: whatever happens, nothing overcommits, memory and store agree, order holds, every job ends.

mod support;

#[path = "properties/history.rs"]
mod history;

use drover_model::dispatch::Mode;
use history::{History, happening};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn every_history_keeps_its_promises(
        policy in prop::sample::select(vec!["edf", "fifo", "llf", "priority", "saf", "sjf"]),
        mode in prop::sample::select(vec![Mode::Strict, Mode::Easy, Mode::Greedy]),
        happenings in prop::collection::vec(happening(), 1..120),
    ) {
        let mut history = History::new(policy, mode);
        for happening in &happenings {
            history.happen(happening);
        }
        history.finish();
        history.assert_record();
    }
}
