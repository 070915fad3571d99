//! What leaves the process once a commit has succeeded.

use drover_model::{Action, CallerId, CloseReason, SessionId, Transition, TurnNumber, lead};
use drover_proto::{agent, v1};
use rustc_hash::FxHashMap;

use super::{leader::Leader, sessions::Parcel};
use crate::{error::ApiError, tally::Count};

impl Leader {
    /// Answers callers, tells watchers, and sends each agent what the turn has for it.
    pub(super) fn perform(
        &mut self,
        turn: TurnNumber,
        actions: Vec<Action>,
        transitions: &[Transition],
    ) {
        let mut parcels: FxHashMap<SessionId, Parcel> = FxHashMap::default();
        for action in actions {
            match action {
                Action::Reply { caller, answer } => {
                    if let Some(reply) = self.callers.remove(&caller) {
                        // Gone callers have hung up.
                        let _ = reply.send(Ok(answer));
                    }
                }
                Action::Welcome { session, discard } => {
                    let welcome =
                        self.welcome(discard.into_iter().map(agent::key_to_wire).collect());
                    parcels.entry(session).or_default().welcome = Some(welcome);
                }
                Action::Ack { session, sequence } => {
                    let parcel = parcels.entry(session).or_default();
                    parcel.acknowledged = parcel.acknowledged.max(sequence);
                }
                Action::Assign {
                    session,
                    assignment,
                } => {
                    let assign = agent::assign_to_wire(assignment);
                    parcels.entry(session).or_default().assignments.push(assign);
                }
                Action::Stop {
                    session,
                    key,
                    grace_ms,
                } => {
                    let stops = &mut parcels.entry(session).or_default().stops;
                    stops.push((key, grace_ms));
                }
                Action::Close { session, reason } => {
                    self.tally.add(match reason {
                        CloseReason::Superseded => Count::SessionsSuperseded,
                        CloseReason::TimedOut => Count::SessionsTimedOut,
                    });
                    parcels.entry(session).or_default().close = Some(reason);
                }
            }
        }
        self.watches.publish(turn, transitions);
        for (session, parcel) in parcels {
            if let Some(slow) = self.sessions.deliver(session, parcel) {
                self.tally.add(Count::SessionsTooSlow);
                let last_sign = slow.pulse.take(session, self.lead.clock());
                self.step_all(lead::left(session, last_sign.into_iter().collect()));
            }
        }
    }

    fn welcome(&self, discard: Vec<v1::AttemptKey>) -> v1::Welcome {
        let ms =
            |duration: std::time::Duration| u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
        v1::Welcome {
            epoch: self.lead.epoch().0,
            heartbeat_interval_ms: ms(self.options.heartbeat_interval),
            node_timeout_ms: ms(self.options.node_timeout),
            discard,
            lease_ms: ms(self.options.agent_lease()),
            fence_grace_ms: ms(self.options.node_timeout / 4),
        }
    }

    /// Tells one of the callers that wait. What becomes of the others is not known, and they hear that.
    pub(super) fn fail_caller(&mut self, caller: CallerId, error: ApiError) {
        if let Some(reply) = self.callers.remove(&caller) {
            let _ = reply.send(Err(error));
        }
    }
}
