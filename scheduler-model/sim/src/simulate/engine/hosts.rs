//! Hosts come, fail, and are heard from.

use drover_model::{Event, Heard};

use super::{Engine, HEARTBEAT_MS, Kind};
use crate::{simulate::at, trace::NodeFailure};

impl Engine<'_> {
    pub(super) fn join(&mut self, place: u32) {
        let count = self.nodes.len();
        let node = &self.trace.nodes[place as usize];
        let event = self.nodes[place as usize].join(place as usize, count, node);
        if let Some(NodeFailure { mean_up_ms, .. }) = node.failure {
            let up = self.nodes[place as usize].draw_ms(mean_up_ms);
            self.plan(self.now + up, Kind::Fail { node: place });
        }
        self.step(event);
    }

    /// The host is gone, and what ran there with it. The coordinator finds out by its silence.
    pub(super) fn fail(&mut self, place: u32) {
        let node = &mut self.nodes[place as usize];
        node.is_up = false;
        let session = node.session;
        if let Some((job, _)) = node.last.take() {
            self.executors.leaves(job);
        }
        for slot in 0..self.running.len() {
            let there = self.running[slot].as_ref();
            if there.is_some_and(|(_, running)| running.node == place) {
                self.take(slot as u32, false);
            }
        }
        if let Some(NodeFailure { mean_repair_ms, .. }) = self.trace.nodes[place as usize].failure {
            let away = self.nodes[place as usize].draw_ms(mean_repair_ms);
            self.plan(self.now + away, Kind::Repair { node: place });
        }
        self.step(Event::Left { session });
    }

    pub(super) fn beat(&mut self) {
        let heard = self.nodes.iter().filter(|node| node.is_up);
        let heard = heard.map(|node| Heard {
            session: node.session,
            at: at(self.now),
            cpu_permille: 0,
            memory_permille: 0,
        });
        let heard = heard.collect();
        self.plan(self.now + HEARTBEAT_MS, Kind::Heartbeat);
        self.step(Event::Heard(heard));
    }
}
