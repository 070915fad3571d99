//! What leaves the process once a commit has succeeded.

use std::collections::BTreeMap;

use drover_model::{
    Action, Answer, Assignment, AttemptKey, AttemptState, Event, Outcome, Report, ReportBatch,
    ReportKind, SessionId,
};

use super::Leader;
use crate::{
    faults::{CrashPoint, PlantedBug},
    world::{
        World,
        client::Heard,
        network::{Packet, ToAgent},
    },
};

/// What one turn has for one session.
#[derive(Debug, Default)]
struct Parcel {
    welcome: Option<Vec<AttemptKey>>,
    acknowledged: u64,
    assignments: Vec<Assignment>,
    stops: Vec<(AttemptKey, u32)>,
    close: bool,
}

impl World<'_> {
    /// Answers callers and sends each agent what the turn has for it.
    pub(super) fn perform(&mut self, c: usize, leader: &mut Leader, actions: Vec<Action>) {
        let mut parcels: BTreeMap<SessionId, Parcel> = BTreeMap::new();
        for action in actions {
            match action {
                Action::Reply { caller, answer } => {
                    if let Some(call) = leader.callers.remove(&caller) {
                        self.reply(c, call, answer);
                    }
                }
                Action::Welcome { session, discard } => {
                    parcels.entry(session).or_default().welcome = Some(discard);
                }
                Action::Ack { session, sequence } => {
                    let parcel = parcels.entry(session).or_default();
                    parcel.acknowledged = parcel.acknowledged.max(sequence);
                }
                Action::Assign {
                    session,
                    assignment,
                } => {
                    let parcel = parcels.entry(session).or_default();
                    parcel.assignments.push(assignment);
                }
                Action::Stop {
                    session,
                    key,
                    grace_ms,
                } => {
                    parcels
                        .entry(session)
                        .or_default()
                        .stops
                        .push((key, grace_ms));
                }
                Action::Close { session, .. } => parcels.entry(session).or_default().close = true,
            }
        }
        for (session, parcel) in parcels {
            if self.crashes_here(c, CrashPoint::AmidActions) {
                return;
            }
            self.deliver_parcel(c, leader, session, parcel);
        }
    }

    fn reply(&mut self, c: usize, call: usize, answer: Answer) {
        let heard = match answer {
            Answer::Submitted(submitted) => {
                self.checker
                    .acknowledged(&self.clients.calls[call], &submitted, &self.database);
                Heard::Submitted(submitted)
            }
            Answer::CancelAccepted => {
                self.checker
                    .cancel_accepted(&self.clients.calls[call], &self.database);
                Heard::Done
            }
            Answer::Refused(refusal) => Heard::Refused(refusal),
            _ => Heard::Done,
        };
        self.answer_call(c, call, heard);
    }

    fn deliver_parcel(
        &mut self,
        c: usize,
        leader: &mut Leader,
        session: SessionId,
        mut parcel: Parcel,
    ) {
        let Some(connection) = leader.sessions.get(&session).copied() else {
            return;
        };
        if parcel.close {
            leader.sessions.remove(&session);
            return self.drop_session(c, connection);
        }
        self.corrupt_parcel(c, session, &mut parcel);
        for message in self.messages(leader, parcel) {
            self.send(connection, Packet::Down(message));
        }
        if self.faults.agent_does_not_keep_up() {
            self.leave(c, leader, session);
            self.drop_session(c, connection);
        }
    }

    fn messages(&self, leader: &Leader, parcel: Parcel) -> Vec<ToAgent> {
        let epoch = leader.epoch();
        let mut messages = Vec::new();
        messages.extend(
            parcel
                .welcome
                .map(|discard| ToAgent::Welcome { epoch, discard }),
        );
        if parcel.acknowledged > 0 {
            messages.push(ToAgent::Ack {
                sequence: parcel.acknowledged,
            });
        }
        if !parcel.assignments.is_empty() {
            messages.push(ToAgent::Assign(parcel.assignments));
        }
        if !parcel.stops.is_empty() {
            messages.push(ToAgent::Stop(parcel.stops));
        }
        messages
    }

    /// Mistakes of the cluster that show in what agents are told.
    fn corrupt_parcel(&mut self, c: usize, session: SessionId, parcel: &mut Parcel) {
        match self.setting.planted {
            Some(PlantedBug::ClusterSkipsStops) => parcel.stops.clear(),
            Some(PlantedBug::ClusterFreesCapacityEarly) => {
                for (key, _) in &parcel.stops {
                    let batch = ended_too_early(*key, self.wall(0));
                    self.coordinators[c]
                        .control
                        .push_back(super::Control::Reports { session, batch });
                }
            }
            _ => {}
        }
    }

    /// Mistakes of the cluster that show in what it makes of an event.
    pub(super) fn corrupt_event(&mut self, leader: &Leader, mut event: Event) -> Event {
        match (self.setting.planted, &mut event) {
            (Some(PlantedBug::ClusterDropsReports), Event::Reports { batch, .. }) => {
                let kept = !self.checks.chance(50);
                batch
                    .reports
                    .retain(|report| kept || matches!(report.what, ReportKind::Started { .. }));
            }
            (Some(PlantedBug::ClusterForgetsSuccess), Event::Reports { batch, .. }) => {
                for report in &mut batch.reports {
                    self.forget_success(report);
                }
            }
            (Some(bug), Event::Submit { caller, jobs, .. }) => {
                for job in jobs.iter_mut() {
                    bug.corrupt_spec(&mut job.spec);
                }
                if bug == PlantedBug::TurnAnswersBeforeCommit {
                    let submitted = jobs.iter().map(|job| drover_model::Submitted {
                        job: job.id,
                        duplicate: false,
                    });
                    let answer = Answer::Submitted(submitted.collect());
                    if let Some(call) = leader.callers.get(caller) {
                        self.reply(0, *call, answer);
                    }
                }
            }
            _ => {}
        }
        event
    }

    fn forget_success(&self, report: &mut Report) {
        let row = self.database.attempts.get(&report.key);
        let stops = row.is_some_and(|row| row.state == AttemptState::Stopping);
        if let (true, ReportKind::Ended { outcome, .. }) = (stops, &mut report.what)
            && *outcome == Outcome::Succeeded
        {
            *outcome = Outcome::Stopped;
        }
    }

    /// As if nobody looked at attempt numbers and nodes: what an old attempt says counts for the current one.
    pub(super) fn forget_fence(&self, event: &Event) -> Vec<Event> {
        let reports = match event {
            Event::Reports { batch, .. } => &batch.reports,
            Event::Join { join, .. } => &join.reports.reports,
            _ => return Vec::new(),
        };
        let stale = reports.iter().filter_map(|report| {
            let AttemptKey { job, task, attempt } = report.key;
            let last = self.database.attempts_at(job, task).next_back()?;
            let superseded = last.key.attempt > attempt && !last.state.is_final();
            superseded.then(|| {
                let node = last.node.clone();
                let (key, what) = (last.key, report.what.clone());
                let report = Report { key, what };
                Event::Recover { node, report }
            })
        });
        stale.collect()
    }
}

fn ended_too_early(key: AttemptKey, at: drover_model::Timestamp) -> ReportBatch {
    let what = ReportKind::Ended {
        started_at: at,
        ended_at: at,
        outcome: Outcome::Stopped,
        exit_code: None,
        message: None,
    };
    ReportBatch {
        sequence: 0,
        reports: vec![Report { key, what }],
    }
}
