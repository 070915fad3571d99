//! The published tables of RLScheduler, by the protocol that gave them.

use drover_sim::{
    compat::{self, Rule},
    trace::{
        Windows,
        swf::{self, SwfOptions},
    },
};

use crate::data;

/// Bounded slowdown without and with backfill, utilisation without and with, in the order of [`Rule::ALL`].
const TABLE: [[&str; 5]; 4] = [
    ["7273.77", "19753.53", "22274.74", "277.35", "258.37"],
    ["235.82", "133.87", "307.23", "73.31", "75.07"],
    ["0.657", "0.747", "0.691", "0.762", "0.816"],
    ["0.868", "0.864", "0.883", "0.778", "0.840"],
];

#[test]
fn all_twenty_cells_are_reproduced() {
    let Some(content) = data::bytes("swf/lublin_256.swf") else {
        return;
    };
    let log = swf::parse(&content, SwfOptions::default()).unwrap();
    for (place, rule) in Rule::ALL.into_iter().enumerate() {
        for backfill in [false, true] {
            let cell = compat::cell(&log, &Windows::published(), rule, backfill).unwrap();
            let row = usize::from(backfill);
            let slowdown = format!("{:.2}", cell.bounded_slowdown);
            assert_eq!(slowdown, TABLE[row][place], "{rule}, backfill {backfill}");
            let utilisation = format!("{:.3}", cell.utilisation);
            assert_eq!(
                utilisation,
                TABLE[2 + row][place],
                "{rule}, backfill {backfill}"
            );
        }
    }
}
