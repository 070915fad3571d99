//! An agent connects, is heard from, and goes.

use rustc_hash::FxHashSet;

use super::{
    Cluster,
    jobs::TaskRef,
    node::{Link, Node, NodeSlot},
    phase::Phase,
    timers::Timer,
};
use crate::{
    Action, Admission, AttemptKey, CloseReason, Effects, Heard, Join, NodeOverrides, NodeRow,
    ReportBatch, SessionId, Timestamp,
};

impl Cluster {
    pub(super) fn join(
        &mut self,
        now: Timestamp,
        session: SessionId,
        mut join: Join,
        effects: &mut Effects,
    ) {
        let reports = std::mem::take(&mut join.reports);
        let known = self.nodes.find(&join.node);
        if known.is_some_and(|slot| self.nodes.get(slot).incarnation > join.incarnation) {
            effects.actions.push(Action::Close {
                session,
                reason: CloseReason::Superseded,
            });
            return;
        }
        let slot = match known {
            Some(slot) => self.rejoin(now, slot, session, &join, effects),
            None => self.enter(now, session, &join, effects),
        };
        self.take_reports(now, slot, reports.reports, effects);
        self.reconcile(now, slot, session, &join, effects);
        acknowledge(session, reports.sequence, effects);
        self.ready.reopen();
        self.wants_dispatch = true;
    }

    fn enter(
        &mut self,
        now: Timestamp,
        session: SessionId,
        join: &Join,
        effects: &mut Effects,
    ) -> NodeSlot {
        let row = node_row(join, now);
        effects.nodes.push(row.clone());
        let slot = self
            .nodes
            .insert(Node::new(row, Link::Connected(session), now));
        self.watch_silence(now, slot);
        slot
    }

    fn rejoin(
        &mut self,
        now: Timestamp,
        slot: NodeSlot,
        session: SessionId,
        join: &Join,
        effects: &mut Effects,
    ) -> NodeSlot {
        let node = self.nodes.get(slot);
        if let Link::Connected(old) = node.link {
            effects.actions.push(Action::Close {
                session: old,
                reason: CloseReason::Superseded,
            });
        }
        if !node.watched {
            self.watch_silence(now, slot);
            self.forget_leftover(slot);
        } else {
            // Of an incarnation before.
            self.finish_leftover(now, slot, effects);
        }
        let node = self.nodes.get(slot);
        let is_new = node.incarnation != join.incarnation;
        let changed = is_new
            || node.capacity != join.capacity
            || node.given != join.attributes
            || node.agent_version != join.agent_version;
        // The old incarnation is still needed to tell what died with it.
        self.nodes.update(slot, |node| {
            node.agent_version = join.agent_version.clone();
            node.resize(join.capacity.clone());
            node.given = join.attributes.clone();
            node.link = Link::Connected(session);
            node.was_here = true;
            node.last_heard = now;
            if is_new {
                node.joined_at = now;
            }
        });
        let node = self.nodes.get(slot);
        if changed {
            let incarnation = join.incarnation;
            effects.nodes.push(NodeRow {
                incarnation,
                ..node.row()
            });
        }
        let attributes = node.overrides.apply(&node.given);
        self.nodes.set_attributes(slot, attributes);
        slot
    }

    /// Brings both sides to the same view of what runs there: reports first (done), then what the agent holds.
    fn reconcile(
        &mut self,
        now: Timestamp,
        slot: NodeSlot,
        session: SessionId,
        join: &Join,
        effects: &mut Effects,
    ) {
        let node = self.nodes.get(slot);
        let survived = node.incarnation == join.incarnation;
        // What an incarnation before was assigned may not have been given up when the coordinator died.
        let began = node.joined_at;
        if !survived && !self.nodes.get(slot).held.is_empty() {
            self.note_loss(now, slot);
        }
        self.quarantine_if_flapping(now, slot);
        let running: FxHashSet<AttemptKey> = join.running.iter().copied().collect();
        let discard = join
            .running
            .iter()
            .copied()
            .filter(|key| self.current(*key, slot).is_none())
            .collect();
        effects.actions.push(Action::Welcome { session, discard });
        let mut gone: Vec<TaskRef> = Vec::new();
        for at in self.nodes.get(slot).held_tasks() {
            let key = self.attempt_key(at);
            let phase = &self.jobs.get(at.job).tasks[at.task as usize].phase;
            let was_told = survived
                && phase
                    .held()
                    .is_some_and(|held| { held.assigned_at } >= began);
            match phase {
                // A new incarnation runs nothing. What it names has ended, and the report did not fit into the join.
                _ if !was_told && running.contains(&key) => {}
                _ if !was_told => gone.push(at),
                Phase::Assigned(_) if !running.contains(&key) => {
                    let peers = self.peers(at);
                    let action = self.assign_action(at, session, peers.as_ref());
                    effects.actions.push(action);
                }
                Phase::Running { .. } if !running.contains(&key) => gone.push(at),
                Phase::Stopping { .. } => effects.actions.push(self.stop_action(session, at)),
                _ => {}
            }
        }
        let why = if survived {
            "its agent no longer knows it"
        } else {
            "its agent was restarted"
        };
        self.give_up(now, slot, &gone, why, effects);
        self.nodes.update(slot, |node| {
            node.incarnation = join.incarnation;
            node.leaving = false;
        });
    }

    pub(super) fn heard(&mut self, heard: &[Heard]) {
        for heard in heard {
            let Some(slot) = self.nodes.of_session(heard.session) else {
                continue;
            };
            self.nodes.update(slot, |node| {
                node.last_heard = node.last_heard.max(heard.at);
                node.cpu_permille = heard.cpu_permille;
                node.memory_permille = heard.memory_permille;
            });
        }
    }

    /// Gets nothing new. What runs there is being stopped and reported.
    pub(super) fn leaving(&mut self, session: SessionId) {
        if let Some(slot) = self.nodes.of_session(session) {
            self.nodes.update(slot, |node| node.leaving = true);
        }
    }

    /// What runs there goes on; the timer of its silence decides.
    pub(super) fn left(&mut self, session: SessionId) {
        if let Some(slot) = self.nodes.of_session(session) {
            self.nodes
                .update(slot, |node| node.link = Link::Disconnected);
        }
    }

    pub(super) fn watch_silence(&mut self, now: Timestamp, slot: NodeSlot) {
        let at = now.plus_ms(self.config.node_timeout_ms);
        self.timers.set(at, Timer::Silence(slot));
        self.nodes.update(slot, |node| node.watched = true);
    }
}

fn acknowledge(session: SessionId, sequence: u64, effects: &mut Effects) {
    if sequence > ReportBatch::default().sequence {
        effects.actions.push(Action::Ack { session, sequence });
    }
}

fn node_row(join: &Join, now: Timestamp) -> NodeRow {
    NodeRow {
        name: join.node.clone(),
        incarnation: join.incarnation,
        agent_version: join.agent_version.clone(),
        capacity: join.capacity.clone(),
        given: join.attributes.clone(),
        overrides: NodeOverrides::default(),
        admission: Admission::Open,
        joined_at: now,
    }
}
