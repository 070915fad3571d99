//! The life of a gang: its members gather, start together, and end together or start again.

use std::ops::Range;

use super::{
    Cluster,
    job::Job,
    jobs::{JobSlot, TaskRef},
    phase::{Kind, Phase, StopCause},
    task::Task,
};
use crate::{AttemptRow, AttemptState, Effects, GroupKind, Timestamp};

impl Cluster {
    /// Places of all members of the gang that a task belongs to.
    pub(super) fn members(&self, at: TaskRef) -> Option<Range<u32>> {
        let gang = self.jobs.get(at.job).gang_of(at.task)?.spec;
        Some(gang.first..gang.whole())
    }

    /// A member could start. The last one to say so queues them all: the first member waits in the index for the others.
    pub(super) fn gather(&mut self, now: Timestamp, at: TaskRef, members: Range<u32>) {
        let job = self.jobs.get_mut(at.job);
        job.tasks[at.task as usize].become_gathering();
        let first = members.start;
        // Members gather in order, so that the last one tells soonest that they are not complete.
        let waits = |member: u32| job.tasks[member as usize].phase == Phase::Gathering;
        if members.rev().all(waits) {
            self.queue(
                now,
                TaskRef {
                    job: at.job,
                    task: first,
                },
            );
        }
    }

    /// A member has succeeded. That counts when all have.
    pub(super) fn arrive(&mut self, now: Timestamp, at: TaskRef, effects: &mut Effects) {
        self.tell(at, effects);
        let members = self.members(at).expect("only members of gangs arrive");
        let job = self.jobs.get(at.job);
        let has_arrived =
            |member: u32| matches!(job.tasks[member as usize].phase, Phase::Arrived(_));
        if !members.clone().all(has_arrived) {
            return;
        }
        // Only the last of them can end the job.
        for task in members {
            let member = TaskRef { job: at.job, task };
            self.jobs.get_mut(at.job).tasks[task as usize].become_succeeded();
            self.settle(now, member, effects);
        }
    }

    /// Asks the agent to stop an attempt that is to run elsewhere, and with it those of its whole gang.
    pub(super) fn send_back(&mut self, now: Timestamp, at: TaskRef, effects: &mut Effects) {
        let message = Some("its node is drained".into());
        self.stop_because(at, StopCause::Requeue, message, effects);
        self.disband(now, at, effects);
    }

    /// A member has to start again, and the others with it. Nothing if it is member of no gang.
    pub(super) fn disband(&mut self, now: Timestamp, at: TaskRef, effects: &mut Effects) {
        let Some(members) = self.members(at) else {
            return;
        };
        let message = || {
            Some(
                format!(
                    "member {} of its gang starts again",
                    at.task - members.start
                )
                .into(),
            )
        };
        for task in members.clone().filter(|task| *task != at.task) {
            let member = TaskRef { job: at.job, task };
            match self.jobs.get(at.job).tasks[task as usize].phase {
                // One that is stopped for its limit ends as that.
                Phase::Assigned(_) | Phase::Running { .. } => {
                    self.stop_because(member, StopCause::Requeue, message(), effects);
                }
                // What may not run twice stays done: its gang fails.
                Phase::Arrived(held) if self.may_run_again(member) => {
                    let row = self.attempt_row(
                        member,
                        &held,
                        AttemptState::Succeeded,
                        AttemptState::Requeued,
                    );
                    effects.attempts.push(AttemptRow {
                        retry_at: Some(now),
                        message: message(),
                        ..row
                    });
                    self.gather(now, member, members.clone());
                    self.tell(member, effects);
                }
                _ => {}
            }
        }
    }

    /// A member has failed for good: nothing of its gang goes on. What others have done stays done. Nothing if it is
    /// member of no gang.
    pub(super) fn dissolve(&mut self, at: TaskRef, effects: &mut Effects) {
        let Some(members) = self.members(at) else {
            return;
        };
        for task in members.filter(|task| *task != at.task) {
            self.stop_one(TaskRef { job: at.job, task }, effects);
        }
    }

    /// After the loss of its node, or of its place: by its rules.
    pub(super) fn may_run_again(&self, at: TaskRef) -> bool {
        let task = &self.jobs.get(at.job).tasks[at.task as usize];
        self.rules.get(task.run().rules).retry.rerun_lost
    }

    /// Whether the gang that a task belongs to has to start again, so that what this one does in its attempt is in vain.
    pub(super) fn is_disbanded(&self, at: TaskRef) -> bool {
        let Some(mut members) = self.members(at) else {
            return false;
        };
        let job = self.jobs.get(at.job);
        self.may_run_again(at)
            && members.any(|member| {
                matches!(
                    job.tasks[member as usize].phase,
                    Phase::Gathering
                        | Phase::Queued { .. }
                        | Phase::Retrying { .. }
                        | Phase::Stopping {
                            cause: StopCause::Requeue,
                            ..
                        }
                )
            })
    }

    /// How often attempts of a task failed and were lost; of all members, if it belongs to a gang.
    pub(super) fn failures_and_losses(&self, at: TaskRef) -> (u32, u32) {
        let members = self.members(at).unwrap_or(at.task..at.task + 1);
        let tasks = &self.jobs.get(at.job).tasks[members.start as usize..members.end as usize];
        tasks.iter().fold((0, 0), |(failures, losses), task| {
            (failures + task.failures, losses + task.losses)
        })
    }

    /// Whether all members wait, and the first of them is queued for all.
    pub(super) fn is_complete(&self, slot: JobSlot, members: Range<u32>) -> bool {
        let tasks = &self.jobs.get(slot).tasks;
        let leader = &tasks[members.start as usize].phase;
        let mut others = tasks[members.start as usize + 1..members.end as usize].iter();
        matches!(leader, Phase::Queued { .. })
            && others.all(|other| other.phase == Phase::Gathering)
    }
}

impl Job {
    /// Members of a kind whose gang is over, from the record of what ran: what one of them has done counts when all have
    /// done it, or when nothing of the gang goes on.
    pub(super) fn settle_gangs(&mut self, kind: Kind) {
        let goes_on = kind.goes_on(self.intent);
        let gangs = self.groups().iter();
        let gangs: Vec<_> = gangs.map(|group| group.spec).filter(is_gang).collect();
        for gang in gangs {
            let members = &mut self.tasks[gang.first as usize..gang.whole() as usize];
            if members[0].kind != kind {
                continue;
            }
            let has_failed = members
                .iter()
                .any(|member| matches!(member.phase, Phase::Failed | Phase::TimedOut));
            let all_arrived = members
                .iter()
                .all(|member| matches!(member.phase, Phase::Arrived(_)));
            for member in members {
                match member.phase {
                    Phase::Arrived(_) if has_failed || all_arrived || !goes_on => {
                        member.become_succeeded();
                    }
                    Phase::Pending { .. } | Phase::Retrying { .. } if has_failed => {
                        member.become_cancelled();
                    }
                    _ => {}
                }
            }
        }
    }
}

impl Job {
    /// For checks: a gang is queued as a whole, and none of it has ended well alone.
    pub(super) fn assert_gangs(&self) {
        let gangs = self.groups().iter();
        for gang in gangs.map(|group| group.spec).filter(is_gang) {
            let members = &self.tasks[gang.first as usize..gang.whole() as usize];
            let (leader, others) = members.split_first().expect("a gang has members");
            let gathers = |member: &Task| member.phase == Phase::Gathering;
            let is_queued = matches!(leader.phase, Phase::Queued { .. });
            let is_complete = gathers(leader) || is_queued;
            assert_eq!(
                is_complete && others.iter().all(gathers),
                is_queued,
                "the gang at {} of job {} is queued when it is complete",
                gang.first,
                self.id
            );
            let arrived = |member: &Task| matches!(member.phase, Phase::Arrived(_));
            assert!(
                !members.iter().all(arrived),
                "the gang at {} of job {} has arrived",
                gang.first,
                self.id
            );
            assert!(
                others
                    .iter()
                    .all(|member| !matches!(member.phase, Phase::Queued { .. })),
                "the first member of job {} is queued for all",
                self.id
            );
        }
    }
}

fn is_gang(group: &crate::Group) -> bool {
    matches!(group.kind, GroupKind::Gang { .. })
}
