//! The registry of policies.

use bytes::Bytes;
use drover_coordinator::store::{NewPolicy, Origin, PolicyEntry, Store};
use drover_model::{
    PolicyEventKind, PolicyEventRow, PolicyState, Timestamp, policy::PolicySource, turn::SealedTurn,
};

use crate::{databases::Database, fixtures::Leader};

/// With what is hard to carry.
fn candidate(version: &str) -> NewPolicy {
    NewPolicy {
        version: version.into(),
        created_at: Timestamp(7),
        weights: (0..=255).collect(),
        sha256: "00ff".to_owned(),
        origin: Origin {
            command: "train --seed 1 \"quoted\"".to_owned(),
            seed: Some(u64::MAX),
            parent: Some("older".to_owned()),
            evaluation: Some("{\"j\": [1, null]}".to_owned()),
            note: "Grüße 🦀".to_owned(),
        },
    }
}

fn event(kind: PolicyEventKind, from: Option<&str>, to: &str) -> PolicyEventRow {
    PolicyEventRow {
        at: Timestamp(8),
        kind,
        from: from.map(Into::into),
        to: to.into(),
        who: "admin at ::1".into(),
        why: "\"because\"".into(),
    }
}

fn switch(from: &str, to: &str) -> PolicyEventRow {
    event(PolicyEventKind::Use, Some(from), to)
}

async fn add(store: &dyn Store, version: &str) -> bool {
    let import = event(PolicyEventKind::Import, None, version);
    let added = store.add_policy(&candidate(version), &import).await;
    added.expect("stores")
}

async fn commit(leader: &mut Leader, policy_events: Vec<PolicyEventRow>) {
    let turn = SealedTurn {
        policy_events,
        ..leader.next()
    };
    leader.commit(turn).await;
}

/// By version.
async fn states(store: &dyn Store) -> Vec<(String, PolicyState)> {
    let stored = store.policies(100).await.expect("lists");
    let mut states: Vec<_> = stored
        .into_iter()
        .map(|entry| (entry.version.to_string(), entry.state))
        .collect();
    states.sort();
    states
}

pub(crate) async fn a_candidate_survives_whole(database: Database) {
    let store = &*database.store;
    assert!(add(store, "v1").await);
    let new = candidate("v1");
    let expected = PolicyEntry {
        version: "v1".into(),
        state: PolicyState::Candidate,
        created_at: new.created_at,
        sha256: Some(new.sha256),
        origin: new.origin,
    };
    let (entry, source) = store.policy("v1").await.expect("reads").expect("is there");
    assert_eq!(entry, expected);
    assert_eq!(source.weights, Some(Bytes::from_iter(0..=255)));
    assert_eq!(store.policies(1).await.expect("lists"), [expected]);
    assert_eq!(store.policy("v2").await.expect("reads"), None);
}

pub(crate) async fn a_version_is_stored_once(database: Database) {
    let store = &*database.store;
    assert!(add(store, "v1").await);
    assert!(!add(store, "v1").await);
    let events = store.policy_events(None, 10).await.expect("reads");
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].row, event(PolicyEventKind::Import, None, "v1"));
}

pub(crate) async fn the_last_that_is_switched_to_is_live(database: Database) {
    use PolicyState::{Candidate, Live, Retired};
    let store = &*database.store;
    let mut leader = Leader::of(&database.store).await;
    add(store, "v1").await;
    add(store, "v2").await;
    let there_and_back = [("edf", "v1"), ("v1", "fifo"), ("fifo", "v1"), ("v1", "saf")];
    commit(
        &mut leader,
        there_and_back.map(|(from, to)| switch(from, to)).into(),
    )
    .await;
    let expected = [
        ("fifo", Retired),
        ("saf", Live),
        ("v1", Retired),
        ("v2", Candidate),
    ];
    assert_eq!(
        states(store).await,
        expected.map(|(version, state)| (version.to_owned(), state))
    );
    commit(&mut leader, vec![switch("saf", "v2")]).await;
    let expected = [
        ("fifo", Retired),
        ("saf", Retired),
        ("v1", Retired),
        ("v2", Live),
    ];
    assert_eq!(
        states(store).await,
        expected.map(|(version, state)| (version.to_owned(), state))
    );
    let (rule, source) = store.policy("saf").await.expect("reads").expect("is there");
    assert_eq!((rule.sha256, source), (None, PolicySource::rule("saf")));
}

pub(crate) async fn what_is_live_is_loaded(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let store = database.second_store().await;
    let loaded = store.load(leader.epoch).await.expect("loads");
    assert_eq!(loaded.policy, None);
    add(&*store, "v1").await;
    commit(&mut leader, vec![switch("edf", "v1")]).await;
    let loaded = store.load(leader.epoch).await.expect("loads");
    let expected = PolicySource {
        version: "v1".into(),
        weights: Some(candidate("v1").weights),
    };
    assert_eq!(loaded.policy, Some(expected));
    commit(&mut leader, vec![switch("v1", "weighted:-1")]).await;
    let loaded = store.load(leader.epoch).await.expect("loads");
    assert_eq!(loaded.policy, Some(PolicySource::rule("weighted:-1")));
}

pub(crate) async fn the_history_comes_in_pages(database: Database) {
    let store = &*database.store;
    let mut leader = Leader::of(&database.store).await;
    let rows: Vec<_> = PolicyEventKind::ALL
        .iter()
        .map(|kind| event(*kind, Some("edf"), kind.as_str()))
        .collect();
    commit(&mut leader, rows.clone()).await;
    let mut read = Vec::new();
    let mut before = None;
    loop {
        let page = store.policy_events(before, 4).await.expect("reads");
        before = page.last().map(|entry| entry.id);
        read.extend(page.into_iter().map(|entry| entry.row));
        if before.is_none() {
            break;
        }
    }
    read.reverse();
    assert_eq!(read, rows);
}

pub(crate) async fn going_back_knows_what_was_before(database: Database) {
    let store = &*database.store;
    let mut leader = Leader::of(&database.store).await;
    assert_eq!(store.policy_before("edf").await.expect("reads"), None);
    let back = |from, to| event(PolicyEventKind::RollBack, Some(from), to);
    commit(
        &mut leader,
        vec![switch("edf", "a"), switch("a", "b"), back("b", "a")],
    )
    .await;
    let before = async |version| store.policy_before(version).await.expect("reads");
    assert_eq!(before("b").await.as_deref(), Some("a"));
    // Not `b`, from which it was gone back.
    assert_eq!(before("a").await.as_deref(), Some("edf"));
    let given_up = event(PolicyEventKind::FallBack, Some("a"), "sjf");
    commit(&mut leader, vec![given_up]).await;
    assert_eq!(before("sjf").await.as_deref(), Some("a"));
}
