//! What agents say of their attempts.

use super::{
    Cluster,
    end::{End, Ending},
    jobs::TaskRef,
    node::NodeSlot,
    phase::Phase,
};
use crate::{Action, AttemptKey, Effects, Report, ReportBatch, ReportKind, SessionId, Timestamp};

impl Cluster {
    pub(super) fn reports(
        &mut self,
        now: Timestamp,
        session: SessionId,
        batch: ReportBatch,
        effects: &mut Effects,
    ) {
        // A session that was replaced or given up has had its say; its agent will repeat it after joining.
        let Some(node) = self.nodes.of_session(session) else {
            return;
        };
        // Also one that said so to a coordinator before this one.
        if batch.reports.iter().any(Report::is_refusal) {
            self.leaving(session);
        }
        self.take_reports(now, node, batch.reports, effects);
        effects.actions.push(Action::Ack {
            session,
            sequence: batch.sequence,
        });
    }

    /// One that came with a join, before that join is taken.
    pub(super) fn recover(
        &mut self,
        now: Timestamp,
        node: &str,
        report: Report,
        effects: &mut Effects,
    ) {
        if let Some(node) = self.nodes.find(node) {
            self.take_reports(now, node, vec![report], effects);
        }
    }

    /// Reports of attempts that are not current there change nothing and are counted.
    pub(super) fn take_reports(
        &mut self,
        now: Timestamp,
        node: NodeSlot,
        reports: Vec<Report>,
        effects: &mut Effects,
    ) {
        for Report { key, what } in reports {
            self.at_work = Some(key.job);
            let Some(at) = self.current(key, node) else {
                self.counters.stale_reports += 1;
                continue;
            };
            match what {
                ReportKind::Started { at: said } => self.started(now, at, said, effects),
                ReportKind::Ended {
                    started_at,
                    ended_at,
                    outcome,
                    exit_code,
                    message,
                } => {
                    let task = &self.jobs.get(at.job).tasks[at.task as usize];
                    let assigned_at = task
                        .phase
                        .held()
                        .expect("current attempts are active")
                        .assigned_at;
                    let known_start = match task.phase {
                        Phase::Running { started_at, .. } => Some(started_at),
                        Phase::Stopping { started_at, .. } => started_at.get(),
                        _ => None,
                    };
                    let started_at =
                        known_start.unwrap_or_else(|| started_at.clamp(assigned_at, now));
                    let end = End {
                        how: Ending::Reported(outcome),
                        started_at: Some(started_at),
                        ended_at: ended_at.clamp(started_at, now.max(started_at)),
                        exit_code,
                        message,
                    };
                    self.end_attempt(now, at, end, effects);
                }
            }
        }
    }

    /// The task whose active attempt this is, if that node holds it.
    pub(super) fn current(&self, key: AttemptKey, node: NodeSlot) -> Option<TaskRef> {
        let slot = self.jobs.find(key.job)?;
        let task = self.jobs.get(slot).tasks.get(key.task as usize)?;
        let here = task.phase.held().is_some_and(|held| held.node == node);
        (here && task.attempt == key.attempt).then_some(TaskRef {
            job: slot,
            task: key.task,
        })
    }
}
