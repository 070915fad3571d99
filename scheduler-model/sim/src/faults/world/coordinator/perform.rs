//! What leaves the process once a commit has succeeded.

use std::collections::BTreeMap;

use drover_model::{Action, Answer, Assignment, AttemptKey, SessionId};

use super::Leader;
use crate::faults::{
    inject::CrashPoint,
    world::{
        World,
        client::Heard,
        network::{Packet, ToAgent},
    },
};

/// What one turn has for one session.
#[derive(Debug, Default)]
pub(super) struct Parcel {
    welcome: Option<Vec<AttemptKey>>,
    acknowledged: u64,
    pub(super) assignments: Vec<Assignment>,
    pub(super) stops: Vec<(AttemptKey, u32)>,
    close: bool,
}

impl World<'_> {
    /// Answers callers and sends each agent what the turn has for it.
    pub(super) fn perform(&mut self, c: usize, leader: &mut Leader, actions: Vec<Action>) {
        let mut parcels: BTreeMap<SessionId, Parcel> = BTreeMap::new();
        for action in actions {
            match action {
                Action::Reply { caller, answer } => {
                    if let Answer::NodeSet(node) = &answer {
                        self.checker.node_set(c, caller, &node.name, &self.database);
                    }
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

    pub(super) fn reply(&mut self, c: usize, call: usize, answer: Answer) {
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
}
