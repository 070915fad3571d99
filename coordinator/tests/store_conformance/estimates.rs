//! Rows of what was learned.

use drover_model::{EstimateRow, Learned, turn::SealedTurn};

use crate::{
    databases::Database,
    fixtures::{Leader, everything},
};

/// By signature and node.
pub(crate) fn estimates() -> Vec<EstimateRow> {
    let runs = Learned::Runs(Box::new([(0, 1), (u16::MAX, u64::MAX)]));
    let speed = Learned::Speed {
        runs: 3,
        log_sum_milli: i64::MIN,
    };
    [
        (1, None, runs.clone()),
        (1, Some("n1"), speed),
        (u64::MAX, None, runs),
    ]
    .map(|(signature, node, learned)| EstimateRow {
        signature,
        node: node.map(Into::into),
        learned,
    })
    .into()
}

pub(crate) async fn what_is_learned_again_replaces_its_row(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let mut expected = estimates();
    expected[1].learned = Learned::Runs(Box::default());
    for estimates in [estimates(), vec![expected[1].clone()]] {
        leader
            .commit(SealedTurn {
                estimates,
                ..leader.next()
            })
            .await;
    }
    assert_eq!(everything(&*database.store).await.estimates, expected);
}

pub(crate) async fn what_is_forgotten_goes_from_every_node(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let forgotten = |signature| EstimateRow {
        signature,
        node: None,
        learned: Learned::Forgotten,
    };
    let again = EstimateRow {
        node: Some("n2".into()),
        ..estimates()[0].clone()
    };
    for estimates in [estimates(), vec![forgotten(9), forgotten(1), again.clone()]] {
        leader
            .commit(SealedTurn {
                estimates,
                ..leader.next()
            })
            .await;
    }
    let expected = [again, estimates()[2].clone()];
    assert_eq!(everything(&*database.store).await.estimates, expected);
}
