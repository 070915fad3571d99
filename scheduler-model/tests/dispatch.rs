//! Random loads under virtual time: wide tasks, gangs, and jobs that have others stopped, on nodes with regions and
//! licences.

mod support;

#[path = "dispatch/load.rs"]
mod load;
#[path = "dispatch/play.rs"]
mod play;
#[path = "dispatch/promises.rs"]
mod promises;

use drover_model::dispatch::Mode;
use load::{Load, load};
use play::{Play, Setting};
use proptest::prelude::*;

fn play(load: &Load, setting: Setting) -> Play {
    let mut play = Play::new(load, setting);
    play.run();
    play.assert_together();
    play.assert_victims();
    play
}

/// Some of everything that a network may look at.
const NETWORK: &str =
    "learned(log_estimate=-1;rank/wfp3=-1;urgency=2;fits/free=1;beside=0.5;beside/log_overlap=-1)";

fn mode() -> impl Strategy<Value = Mode> {
    prop::sample::select(vec![Mode::Strict, Mode::Easy, Mode::Greedy])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, max_shrink_iters: 500, ..ProptestConfig::default() })]

    /// While estimates are upper bounds and the head stays the same, its reservation never moves back, and it starts no
    /// later than it says.
    #[test]
    fn easy_never_delays_what_is_reserved_for(load in load(false)) {
        let played = play(&load, Setting { mode: Mode::Easy, policy: "fifo", age_cap_ms: u64::MAX });
        played.assert_reservations_hold();
    }

    /// Whatever order, mode and urgency: nothing overcommits, gangs start together where they may, only those are stopped
    /// who agreed, and everything ends.
    #[test]
    fn every_load_ends_as_it_may(
        load in load(true),
        mode in mode(),
        policy in prop::sample::select(vec!["edf", "fifo", "priority", "sjf", NETWORK]),
        age_cap_ms in prop::sample::select(vec![5_000, 60_000, u64::MAX]),
    ) {
        play(&load, Setting { mode, policy, age_cap_ms });
    }

    #[test]
    fn equal_inputs_give_equal_placements(
        load in load(true),
        mode in mode(),
        policy in prop::sample::select(vec!["priority", NETWORK]),
    ) {
        let setting = Setting { mode, policy, age_cap_ms: 60_000 };
        prop_assert_eq!(play(&load, setting).decisions, play(&load, setting).decisions);
    }
}
