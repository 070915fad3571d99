//! Arrays and gangs, by the record.

use std::collections::BTreeSet;

use drover_model::{
    AttemptKey, AttemptRow, AttemptState, Group, GroupKind, Instance, InstanceOf, JobId, JobSpec,
    turn::SealedTurn,
};

use super::{Checker, history, retries::goes_on};
use crate::faults::{occasion::Occasion, world::database::Database};

/// The group that a task is an instance of. Undo steps are of none.
pub(super) fn group_of(spec: &JobSpec, place: u32) -> Option<&Group> {
    spec.groups.iter().find(|group| group.contains(place))
}

pub(super) fn gang_of(spec: &JobSpec, place: u32) -> Option<&Group> {
    let is_gang = |group: &&Group| matches!(group.kind, GroupKind::Gang { .. });
    group_of(spec, place).filter(is_gang)
}

/// Whether a step is done: its last attempt succeeded, or what it stands for is done.
pub(crate) fn has_succeeded(spec: &JobSpec, database: &Database, job: JobId, place: u32) -> bool {
    let whole = spec.groups.iter().find(|group| group.whole() == place);
    match whole {
        Some(group) => is_done(group, database, job),
        None => database
            .attempts_at(job, place)
            .next_back()
            .is_some_and(|row| row.state == AttemptState::Succeeded),
    }
}

/// Whether a step failed, and that counts for nothing.
pub(super) fn is_forgiven(spec: &JobSpec, database: &Database, job: JobId, place: u32) -> bool {
    let group = group_of(spec, place);
    group.is_some_and(|group| {
        matches!(group.kind, GroupKind::Array { .. }) && is_done(group, database, job)
    })
}

fn is_done(group: &Group, database: &Database, job: JobId) -> bool {
    let max_failed = match group.kind {
        GroupKind::Array { max_failed, .. } => max_failed,
        GroupKind::Gang { .. } => 0,
    };
    let instances = group.first..group.whole();
    let last = instances.map(|place| database.attempts_at(job, place).next_back());
    let (mut succeeded, mut failed) = (0, 0);
    for row in last.flatten() {
        succeeded += u32::from(row.state == AttemptState::Succeeded);
        failed += u32::from(has_failed(row));
    }
    succeeded + failed == group.count && failed <= max_failed
}

/// For good, and by itself.
fn has_failed(row: &AttemptRow) -> bool {
    let stopped = matches!(row.state, AttemptState::Succeeded | AttemptState::Cancelled);
    row.state.is_final() && !stopped && row.retry_at.is_none()
}

/// Whether a member of the gang has failed for good: the others never start again.
pub(super) fn is_dissolved(gang: &Group, database: &Database, job: JobId) -> bool {
    let mut members = gang.first..gang.whole();
    members.any(|place| {
        let last = database.attempts_at(job, place).next_back();
        last.is_some_and(has_failed)
    })
}

impl Checker {
    /// After a turn.
    pub(super) fn groups_hold(&mut self, turn: &SealedTurn, database: &Database) {
        let mut seen = BTreeSet::new();
        for row in &turn.attempts {
            let Some(spec) = self.spec(database, row.key.job) else {
                continue;
            };
            let Some(group) = group_of(&spec, row.key.task).copied() else {
                continue;
            };
            if !seen.insert((row.key.job, group.first)) {
                continue;
            }
            match group.kind {
                GroupKind::Array { parallel, .. } => {
                    self.keeps_limit(&group, parallel, row.key.job, database);
                }
                GroupKind::Gang { .. } => {
                    self.starts_whole(&group, row.key.job, turn, database);
                    self.stops_whole(&spec, &group, row.key.job, database);
                }
            }
        }
    }

    fn keeps_limit(&mut self, array: &Group, parallel: u32, job: JobId, database: &Database) {
        let instances = array.first..array.whole();
        let active = instances.filter(|place| {
            let last = database.attempts_at(job, *place).next_back();
            last.is_some_and(|row| !row.state.is_final())
        });
        let active = active.count() as u32;
        self.require(active <= parallel, "arrays keep their limit", || {
            format!("{active} instances of {array:?} of {job} are active")
        });
    }

    fn starts_whole(&mut self, gang: &Group, job: JobId, turn: &SealedTurn, database: &Database) {
        let of_gang = |key: &AttemptKey| key.job == job && gang.contains(key.task);
        let begun = turn.attempts.iter().filter(|row| {
            // What never had a node speaks for all.
            of_gang(&row.key) && row.from.is_none() && !row.node.is_empty()
        });
        let begun: BTreeSet<AttemptKey> = begun.map(|row| row.key).collect();
        let whole = begun.iter().all(|key| {
            let mut members = gang.first..gang.whole();
            members.all(|task| begun.contains(&AttemptKey { task, ..*key }))
        });
        self.require(whole, "gang all or none", || {
            format!(
                "only {begun:?} of {gang:?}:{}",
                history(database.attempts_of(job))
            )
        });
        if let Some(key) = begun.first() {
            self.count_gang(gang, key, database);
        }
    }

    fn count_gang(&mut self, gang: &Group, key: &AttemptKey, database: &Database) {
        let members = gang.first..gang.whole();
        let rows = members.filter_map(|task| database.attempts.get(&AttemptKey { task, ..*key }));
        let nodes: BTreeSet<&str> = rows.map(|row| &*row.node).collect();
        let met = [
            (true, Occasion::GangStarted),
            (key.attempt > 1, Occasion::GangStartedAgain),
            (nodes.len() > 1, Occasion::GangOnManyNodes),
        ];
        let met = met.into_iter().filter(|(is_met, _)| *is_met);
        self.occasions.extend(met.map(|(_, occasion)| occasion));
    }

    /// A member that has to start again, or never will, takes the others with it.
    fn stops_whole(&mut self, spec: &JobSpec, gang: &Group, job: JobId, database: &Database) {
        let intent = database.jobs[&job].row.intent;
        let last = (gang.first..gang.whole())
            .filter_map(|place| database.attempts_at(job, place).next_back())
            .map(|row| row.key.attempt)
            .max()
            .unwrap_or_default();
        let members = gang.first..gang.whole();
        let key = |task| AttemptKey {
            job,
            task,
            attempt: last,
        };
        let rows: Vec<&AttemptRow> = members
            .filter_map(|task| database.attempts.get(&key(task)))
            .collect();
        let stops = rows.iter().any(|row| {
            let ended = row.state.is_final() && row.state != AttemptState::Succeeded;
            ended || row.state == AttemptState::StoppingRequeue
        });
        let runs = rows
            .iter()
            .any(|row| matches!(row.state, AttemptState::Assigned | AttemptState::Running));
        let again = rows.iter().any(|row| row.retry_at.is_some())
            && goes_on(spec, gang.first, intent)
            && !is_dissolved(gang, database, job);
        let done = rows.iter().any(|row| row.state == AttemptState::Succeeded);
        let is_torn = stops && runs || again && done;
        self.require(!is_torn, "gangs stop together", || {
            format!("{gang:?}:{}", history(rows.into_iter()))
        });
    }

    /// What a process is told of its place in a group, when it starts.
    pub(super) fn instance_told(
        &mut self,
        key: AttemptKey,
        instance: Option<&Instance>,
        database: &Database,
    ) {
        let promise = "instances know their place";
        let Some(spec) = self.spec(database, key.job) else {
            return;
        };
        let place = key.task % spec.tasks.len() as u32;
        let Some(group) = group_of(&spec, place) else {
            return self.require(instance.is_none(), promise, || {
                format!("{key:?} is none, and is told {instance:?}")
            });
        };
        let told = instance.map(|instance| {
            let is_of_gang = matches!(instance.of, InstanceOf::Gang(_));
            (instance.index, instance.count, is_of_gang)
        });
        let is_of_gang = matches!(group.kind, GroupKind::Gang { .. });
        let expected = (place - group.first, group.count, is_of_gang);
        self.require(told == Some(expected), promise, || {
            format!("{key:?} of {group:?} is told {instance:?}")
        });
        if gang_of(&spec, key.task).is_some() {
            self.peers_told(group, key, instance, database);
        }
    }

    /// No member starts before all are assigned.
    fn peers_told(
        &mut self,
        gang: &Group,
        key: AttemptKey,
        instance: Option<&Instance>,
        database: &Database,
    ) {
        let members = gang.first..gang.whole();
        let nodes = members.map(|task| {
            let row = database.attempts.get(&AttemptKey { task, ..key })?;
            self.agents.iter().position(|name| *name == row.node)
        });
        let nodes: Vec<Option<usize>> = nodes.collect();
        self.require(
            nodes.iter().all(Option::is_some),
            "gang all or none",
            || format!("{key:?} starts, and its gang is on {nodes:?}"),
        );
        let addresses = nodes.iter().flatten().map(|node| &*self.addresses[*node]);
        let told = match instance.map(|instance| &instance.of) {
            Some(InstanceOf::Gang(peers)) => peers.as_ref(),
            _ => None,
        };
        let same = told.is_some_and(|peers| {
            let told = peers.addresses.iter().map(|address| &**address);
            told.eq(addresses)
        });
        self.require(same, "instances know their place", || {
            format!("{key:?} on {nodes:?} is told {told:?}")
        });
    }
}
