//! Tasks of jobs that were escalated at their deadline start before all others; where priority orders the rest, so it
//! does.

use drover_model::{AttemptRow, DeadlineAction, JobRow, JobSpec, Timestamp};

use super::Checker;
use crate::faults::world::database::number_of;

/// What is known of a job's place in the order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Urgency {
    /// 0 where the policy asks for something else.
    priority: u8,
    /// From then on it goes before all others.
    escalates_at: Option<Timestamp>,
}

/// Larger starts first: whether it is escalated, and the priority of what is not.
type Rank = (bool, u8);

impl Urgency {
    fn of(spec: &JobSpec, submitted_at: Timestamp, priority_orders: bool) -> Self {
        let escalates = spec.deadline_action == DeadlineAction::Escalate;
        let deadline = spec.deadline.filter(|_| escalates);
        Self {
            priority: if priority_orders {
                spec.priority.get()
            } else {
                0
            },
            escalates_at: deadline.map(|deadline| deadline.at(submitted_at)),
        }
    }

    pub(super) fn is_escalated(&self, time: Timestamp) -> bool {
        self.at(time).0
    }

    fn at(&self, time: Timestamp) -> Rank {
        match self.escalates_at {
            Some(at) if at <= time => (true, 0),
            _ => (false, self.priority),
        }
    }
}

impl Checker {
    /// Some coordinator has taken a job in, whatever becomes of it.
    pub(super) fn submitted(&mut self, row: &JobRow) {
        if let Some(new) = row.new.as_deref() {
            let number = number_of(&new.stored_spec);
            self.numbers.insert(row.id, number);
            let planned = &self.workload.jobs[number as usize];
            let urgency = Urgency::of(&planned.spec, new.submitted_at, self.priority_orders);
            self.urgencies.insert(row.id, urgency);
        }
    }

    /// One round of placements. A deadline that has passed since the last tick may or may not be known by now.
    pub(super) fn urgent_first(&mut self, placed: &[&AttemptRow], coordinator: usize) {
        let (epoch, now) = self.last_step(coordinator);
        let ticked = self.last_tick(coordinator, epoch);
        let claims = &self.claims;
        let waits_in_line = |row: &&&AttemptRow| !claims.contains(&(row.key.job, row.key.task));
        let mut least_urgent: Option<(Rank, &AttemptRow)> = None;
        for row in placed.iter().filter(waits_in_line) {
            let urgency = self.urgencies[&row.key.job];
            if let Some((_, before)) = least_urgent.filter(|(rank, _)| urgency.at(ticked) > *rank) {
                let what = format!("{row:?}, of {urgency:?}, after {before:?}");
                return self.fail("the most urgent start first", what);
            }
            let rank = urgency.at(now);
            if least_urgent.is_none_or(|(least, _)| rank < least) {
                least_urgent = Some((rank, row));
            }
        }
    }
}
