//! One change per row and turn: the first old state, the last new state; an insert with updates is an insert.

use rustc_hash::FxHashMap;

use crate::{AttemptRow, EstimateRow, JobRow, Learned, NodeRow, QueueRow};

pub(super) fn jobs(rows: Vec<JobRow>) -> Vec<JobRow> {
    merge(
        rows,
        |row| row.id,
        |into, row| {
            assert_eq!(
                row.from,
                Some(into.state),
                "job {} changes from its last state",
                row.id
            );
            into.state = row.state;
            into.intent = row.intent;
            into.started_at = row.started_at.or(into.started_at);
            into.ended_at = row.ended_at.or(into.ended_at);
            into.message = row.message.or(into.message.take());
        },
    )
}

pub(super) fn attempts(rows: Vec<AttemptRow>) -> Vec<AttemptRow> {
    merge(
        rows,
        |row| row.key,
        |into, row| {
            assert_eq!(
                row.from,
                Some(into.state),
                "{:?} changes from its last state",
                row.key
            );
            into.state = row.state;
            into.started_at = row.started_at.or(into.started_at);
            into.ended_at = row.ended_at.or(into.ended_at);
            into.exit_code = row.exit_code.or(into.exit_code);
            into.message = row.message.or(into.message.take());
            into.retry_at = row.retry_at.or(into.retry_at);
        },
    )
}

pub(super) fn nodes(rows: Vec<NodeRow>) -> Vec<NodeRow> {
    merge(rows, |row| row.name.clone(), |into, row| *into = row)
}

pub(super) fn queues(rows: Vec<QueueRow>) -> Vec<QueueRow> {
    merge(
        rows,
        |row| (row.namespace.clone(), row.name.clone()),
        |into, row| *into = row,
    )
}

pub(super) fn estimates(rows: Vec<EstimateRow>) -> Vec<EstimateRow> {
    merge(
        rows,
        // The store forgets first: one that comes back in the same turn is known again.
        |row| {
            let is_forgotten = row.learned == Learned::Forgotten;
            (row.signature, row.node.clone(), is_forgotten)
        },
        |into, row| *into = row,
    )
}

fn merge<Row, Key: Eq + std::hash::Hash>(
    rows: Vec<Row>,
    key: impl Fn(&Row) -> Key,
    into: impl Fn(&mut Row, Row),
) -> Vec<Row> {
    if rows.len() < 2 {
        return rows;
    }
    let mut places = FxHashMap::with_capacity_and_hasher(rows.len(), rustc_hash::FxBuildHasher);
    let mut merged: Vec<Row> = Vec::with_capacity(rows.len());
    for row in rows {
        match places.entry(key(&row)) {
            std::collections::hash_map::Entry::Occupied(place) => {
                into(&mut merged[*place.get()], row);
            }
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(merged.len());
                merged.push(row);
            }
        }
    }
    merged
}
