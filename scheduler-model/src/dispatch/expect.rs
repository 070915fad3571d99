//! For whom capacity would be kept, if anybody came behind: for people who ask. A round looks for that only when it matters.

use super::{Mode, Reservation, reserve::Shadow, walk::InOrder};
use crate::{
    Timestamp,
    cluster::{
        Cluster,
        jobs::TaskRef,
        ready::{Entry, Standing},
        task::Task,
    },
    policy::Order,
};

/// So many shapes are looked at, so that an answer costs little.
const SHAPES: usize = 64;

/// The reservation that the first task to wait for capacity would have.
pub(crate) fn expected_reservation(cluster: &Cluster, now: Timestamp) -> Option<Reservation> {
    let first = first_blocked(cluster, now)?;
    let fit_of = |at| &cluster.ready.shape(task(cluster, at).run().shape).fit;
    let shadow = Shadow::find(&cluster.nodes, now, fit_of(first.task), fit_of)?;
    Some(shadow.reservation(first.task, &cluster.jobs, &cluster.nodes))
}

/// As a round would find it ([`super::round`]): first in order of those that do not fit now, but could. Where keys change
/// nobody is first before a round has ranked all.
fn first_blocked(cluster: &Cluster, now: Timestamp) -> Option<Entry> {
    if cluster.config.policy.order() != Order::Fixed {
        return None;
    }
    let mut walk = InOrder::new(&cluster.ready);
    for _ in 0..SHAPES {
        let candidate = walk.next()?;
        let shape = cluster.ready.shape(candidate.shape);
        let waits = shape.standing() != Standing::Impossible
            && shape.fit.is_possible(&cluster.nodes)
            && !shape.fit.has_room(&cluster.nodes);
        if !waits {
            continue;
        }
        let entry = candidate.entry;
        let is_kept_for = match cluster.config.mode {
            Mode::Strict => return None,
            Mode::Easy => true,
            Mode::Greedy => task(cluster, entry.task).is_aged(entry.key, &cluster.config, now),
        };
        if is_kept_for {
            return Some(entry);
        }
    }
    None
}

fn task(cluster: &Cluster, at: TaskRef) -> &Task {
    &cluster.jobs.get(at.job).tasks[at.task as usize]
}
