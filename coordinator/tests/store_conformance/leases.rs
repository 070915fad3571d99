use std::time::Duration;

use drover_coordinator::store::{Acquired, Applicant, StoreError};
use drover_model::Epoch;
use uuid::Uuid;

use crate::{
    databases::Database,
    fixtures::{Leader, TERM, new_job},
};

/// A process of its own, as long as no other is at this address.
pub(crate) fn applicant(address: &str) -> Applicant {
    Applicant {
        address: address.into(),
        instance: Uuid::nil(),
        succeeds: false,
    }
}

fn leads(epoch: u64) -> Acquired {
    Acquired::Leader {
        epoch: Epoch(epoch),
    }
}

fn assert_held(acquired: &Acquired) {
    let Acquired::HeldBy {
        holder,
        epoch,
        remaining,
    } = acquired
    else {
        panic!("the lease is held, but: {acquired:?}");
    };
    assert_eq!(holder, "first");
    assert!(epoch.0 > 0);
    assert!(*remaining <= TERM && *remaining > TERM / 2, "{remaining:?}");
}

pub(crate) async fn one_leads_and_others_hear_who(database: Database) {
    let second = database.second_store().await;
    assert_eq!(
        database
            .store
            .acquire(&applicant("first"), TERM)
            .await
            .expect("acquires"),
        leads(1)
    );
    assert_held(
        &second
            .acquire(&applicant("second"), TERM)
            .await
            .expect("asks"),
    );
    let lease = second.lease().await.expect("reads");
    assert_eq!(
        (lease.epoch, lease.turn.0, &*lease.holder),
        (Epoch(1), 0, "first")
    );
    assert!(
        lease.remaining <= TERM && lease.remaining > TERM / 2,
        "{lease:?}"
    );
}

pub(crate) async fn a_lease_that_nobody_holds_has_no_time_left(database: Database) {
    let store = &database.store;
    let remaining = async || store.lease().await.expect("reads").remaining;
    assert_eq!(remaining().await, Duration::ZERO, "never held");
    store
        .acquire(&applicant("first"), Duration::ZERO)
        .await
        .expect("acquires");
    assert_eq!(remaining().await, Duration::ZERO, "its term is over");
    store
        .acquire(&applicant("first"), TERM)
        .await
        .expect("acquires");
    assert!(remaining().await > TERM / 2);
    store.resign(Epoch(2)).await.expect("resigns");
    let lease = store.lease().await.expect("reads");
    assert_eq!((lease.remaining, &*lease.holder), (Duration::ZERO, ""));
}

pub(crate) async fn a_term_that_is_over_frees_the_lease(database: Database) {
    let second = database.second_store().await;
    database
        .store
        .acquire(&applicant("first"), Duration::ZERO)
        .await
        .expect("acquires");
    assert_eq!(
        second
            .acquire(&applicant("second"), TERM)
            .await
            .expect("acquires"),
        leads(2)
    );
    assert_eq!(second.lease().await.expect("reads").holder, "second");
}

pub(crate) async fn a_commit_renews_the_lease(database: Database) {
    database
        .store
        .acquire(&applicant("first"), Duration::ZERO)
        .await
        .expect("acquires");
    let mut leader = Leader {
        store: database.store.clone(),
        epoch: Epoch(1),
        turn: database.store.lease().await.expect("reads").turn,
    };
    leader.commit(leader.next()).await;
    assert_held(
        &database
            .store
            .acquire(&applicant("second"), TERM)
            .await
            .expect("asks"),
    );
}

pub(crate) async fn the_same_holder_takes_a_new_epoch(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    leader.commit(leader.with_jobs(vec![new_job(1)])).await;
    assert_eq!(
        database
            .store
            .acquire(&applicant("first"), TERM)
            .await
            .expect("acquires"),
        leads(2)
    );
    let lease = database.store.lease().await.expect("reads");
    assert_eq!(lease.turn, leader.turn, "turns go on across epochs");
}

/// Of two with the same address the second leads, if it has just started, and the first does not take it back.
pub(crate) async fn a_namesake_takes_the_lease_only_as_a_successor(database: Database) {
    let second = database.second_store().await;
    let leader = applicant("first");
    let namesake = Applicant {
        instance: Uuid::max(),
        ..leader.clone()
    };
    let acquired = database.store.acquire(&leader, TERM).await;
    assert_eq!(acquired.expect("acquires"), leads(1));
    assert_held(&second.acquire(&namesake, TERM).await.expect("asks"));
    let successor = Applicant {
        succeeds: true,
        ..namesake.clone()
    };
    let acquired = second.acquire(&successor, TERM).await;
    assert_eq!(acquired.expect("acquires"), leads(2));
    assert_held(&database.store.acquire(&leader, TERM).await.expect("asks"));
    let acquired = second.acquire(&namesake, TERM).await;
    assert_eq!(acquired.expect("acquires"), leads(3), "it is its own");
}

pub(crate) async fn a_successor_takes_nothing_from_other_addresses(database: Database) {
    let acquired = database.store.acquire(&applicant("first"), TERM).await;
    assert_eq!(acquired.expect("acquires"), leads(1));
    let other = Applicant {
        succeeds: true,
        ..applicant("second")
    };
    assert_held(&database.store.acquire(&other, TERM).await.expect("asks"));
}

pub(crate) async fn only_the_current_epoch_can_resign(database: Database) {
    database
        .store
        .acquire(&applicant("first"), TERM)
        .await
        .expect("acquires");
    database
        .store
        .acquire(&applicant("first"), TERM)
        .await
        .expect("acquires");
    database.store.resign(Epoch(1)).await.expect("is no error");
    assert_held(
        &database
            .store
            .acquire(&applicant("second"), TERM)
            .await
            .expect("asks"),
    );
    database.store.resign(Epoch(2)).await.expect("resigns");
    assert_eq!(
        database
            .store
            .acquire(&applicant("second"), TERM)
            .await
            .expect("acquires"),
        leads(3)
    );
}

pub(crate) async fn load_is_refused_to_an_old_epoch(database: Database) {
    database
        .store
        .acquire(&applicant("first"), TERM)
        .await
        .expect("acquires");
    database
        .store
        .acquire(&applicant("first"), TERM)
        .await
        .expect("acquires");
    let refused = database.store.load(Epoch(1)).await;
    assert!(
        matches!(
            refused,
            Err(StoreError::Fenced {
                expected: 1,
                current: 2
            })
        ),
        "{refused:?}"
    );
    database.store.load(Epoch(2)).await.expect("loads");
}
