//! Why a task waits, in words.

use drover_model::{NodeName, PendingReason, Timestamp, Unmet};

use super::words::{amount, bare_amount, clock, place};
use crate::spec::{Places, apart_groups};

/// Follows where a member of a gang waits for capacity, and others of its job would have made room.
pub(super) const NOBODY_STOPS_FOR_A_GANG: &str =
    "; nobody is stopped for a gang, though its queue has preemption on";

/// One line for a person, with names and numbers. `undo`: it is the undo step of the task that waits.
pub(super) fn words(reason: &PendingReason, tasks: &Places<'_>, undo: bool) -> String {
    match reason {
        PendingReason::Dependency { task, unmet } => dependency(tasks, *task, *unmet, undo),
        PendingReason::Backoff { until } => {
            format!("waits to be tried again at {}", clock(*until))
        }
        PendingReason::Finally => "runs when everything else has ended".to_owned(),
        PendingReason::ArrayLimit { parallel } => format!(
            "waits for its turn: {parallel} instances of its array are under way, and no more may be"
        ),
        PendingReason::GangIncomplete { waiting, size } => {
            format!("starts together with its gang, of which {waiting} of {size} members wait")
        }
        PendingReason::GangTooLarge { size, fitting } => format!(
            "its gang has {size} members, of which only {fitting} would fit on the nodes that there are, were \
             these empty"
        ),
        PendingReason::Preempts { victims } => format!(
            "waits for {victims} less urgent {} to make room, as asked to",
            counted(*victims, "attempt")
        ),
        PendingReason::Apart { group } => format!(
            "every node with room holds a task of its anti-affinity group `{}`",
            group_name(tasks, *group)
        ),
        // Only the record of that job has the names of its tasks.
        PendingReason::HeldForReservation { job, .. } => {
            format!("fits now, but would delay job {job}, for which capacity is reserved")
        }
        PendingReason::Outranked {
            position: Some(position),
            policy,
        } => format!("{} in the order of {policy}", place(*position)),
        PendingReason::Outranked {
            position: None,
            policy,
        } => format!("others come before it in the order of {policy}"),
        PendingReason::WaitsForCapacity {
            resource,
            position,
            reserved,
        } => format!(
            "waits for {resource}{}{}",
            position.map_or_else(String::new, |it| format!(", {} in line", place(it))),
            reservation(reserved.as_ref())
        ),
        PendingReason::NoNodes
        | PendingReason::Quarantined { .. }
        | PendingReason::NoNodeFits { .. }
        | PendingReason::ConstraintUnmet { .. }
        | PendingReason::Draining { .. } => no_node(reason),
    }
}

/// Nothing that is connected could take it, however empty.
fn no_node(reason: &PendingReason) -> String {
    match reason {
        PendingReason::Quarantined { until } => format!(
            "every node that has room for it is quarantined, the first until {}",
            clock(*until)
        ),
        PendingReason::NoNodeFits {
            resource,
            wanted,
            largest,
        } => format!(
            "no node has {}: the largest has {}",
            amount(resource, *wanted),
            bare_amount(resource, *largest)
        ),
        PendingReason::ConstraintUnmet { unmet, nodes } => constraint(unmet, *nodes),
        PendingReason::Draining { nodes } => format!(
            "every node on which it could run gets nothing new: {nodes} {} cordoned, drained or leaving",
            if *nodes == 1 { "is" } else { "are" }
        ),
        _ => "no agent is connected that takes new work".to_owned(),
    }
}

fn constraint(unmet: &Unmet, nodes: u32) -> String {
    let what = match unmet {
        Unmet::Required(expression) => format!("satisfies `{expression}`"),
        Unmet::MaxLatency { limit_ms } => format!("has a latency of at most {limit_ms} ms"),
        Unmet::GpuModel(model) => format!("has gpus of the model `{model}`"),
        Unmet::Avoided => "is left that it does not avoid".to_owned(),
    };
    let verb = if nodes == 1 { "is" } else { "are" };
    format!(
        "no node {what} ({nodes} {} {verb} connected)",
        counted(nodes, "node")
    )
}

fn dependency(tasks: &Places<'_>, task: u32, unmet: u32, undo: bool) -> String {
    let name = tasks
        .get(task)
        .map_or_else(|| "?".to_owned(), |place| place.name());
    let what = if undo { "the undo of task" } else { "task" };
    match unmet {
        0 | 1 => format!("waits for {what} `{name}`"),
        2 => format!("waits for {what} `{name}` and 1 more"),
        _ => format!("waits for {what} `{name}` and {} more", unmet - 1),
    }
}

fn reservation(reserved: Option<&(Vec<NodeName>, Timestamp)>) -> String {
    const NAMED: usize = 3;
    let Some((nodes, start)) = reserved else {
        return String::new();
    };
    let mut names: Vec<String> = nodes.iter().map(|node| format!("`{node}`")).collect();
    names.dedup();
    let (noun, verb) = match names.len() {
        1 => ("node", "is"),
        _ => ("nodes", "are"),
    };
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let list = names.join(", ");
    let rest = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "; {noun} {list}{rest} {verb} reserved from about {}",
        clock(*start)
    )
}

fn group_name<'a>(tasks: &Places<'a>, group: u32) -> &'a str {
    let groups = apart_groups(tasks.tasks());
    let named = groups.into_iter().find(|(_, number)| *number == group);
    named.map_or("?", |(name, _)| name)
}

fn counted(count: u32, noun: &str) -> String {
    match count {
        1 => noun.to_owned(),
        _ => format!("{noun}s"),
    }
}

#[cfg(test)]
mod tests;
