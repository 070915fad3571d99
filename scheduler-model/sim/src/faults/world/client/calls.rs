//! Calls on their way to a coordinator, and answers on their way back. Both can be lost.

use super::{CallKind, ClientHappening, Heard};
use crate::faults::{
    inject::FaultKind,
    world::{Happening, World, coordinator::CoordinatorHappening},
};

/// A client gives a call up after this long and tries again.
const CALL_TIMEOUT_MS: u64 = 4_000;

impl World<'_> {
    pub(super) fn make_call(&mut self, call: usize) {
        if self.clients.calls[call].done {
            return;
        }
        let target = self.clients.leader % self.coordinators.len();
        let making = &mut self.clients.calls[call];
        making.tries += 1;
        making.made_at = self.now;
        let tries = making.tries;
        let copies = if self.is_safe_to_repeat(call) && self.faults.duplicates_call() {
            self.statistics.count(FaultKind::CallDuplicated);
            2
        } else {
            1
        };
        for _ in 0..copies {
            if self.faults.loses_call() {
                self.statistics.count(FaultKind::CallLost);
                continue;
            }
            let at = self.now.plus_us(self.faults.call_latency_us());
            if !self.coordinators[target].is_up() {
                let heard = Heard::Unavailable { leader: None };
                let what = ClientHappening::Hears { call, heard };
                self.line.plan(at, Happening::Client(what));
                continue;
            }
            self.plan_for_coordinator(target, at, CoordinatorHappening::Called { call });
            let life = self.coordinators[target].life;
            self.clients.calls[call].asked.push((target, life));
        }
        let timeout = ClientHappening::TimesOut { call, tries };
        let at = self.now.plus_ms(CALL_TIMEOUT_MS);
        self.line.plan(at, Happening::Client(timeout));
    }

    pub(super) fn is_safe_to_repeat(&self, call: usize) -> bool {
        match &self.clients.calls[call].kind {
            CallKind::Submit { numbers } => numbers
                .iter()
                .all(|number| self.workload.jobs[*number as usize].with_request_id),
            _ => true,
        }
    }

    /// For counting calls that overtake others.
    pub(in crate::faults::world) fn note_call_arrival(&mut self, call: usize) {
        let made_at = self.clients.calls[call].made_at;
        if made_at < self.clients.last_made {
            self.statistics.count(FaultKind::CallReordered);
        }
        self.clients.last_made = self.clients.last_made.max(made_at);
    }

    pub(in crate::faults::world) fn answer_call(&mut self, c: usize, call: usize, heard: Heard) {
        let life = self.coordinators[c].life;
        let asked = &mut self.clients.calls[call].asked;
        if let Some(place) = asked.iter().position(|asked| *asked == (c, life)) {
            asked.swap_remove(place);
        }
        if self.faults.loses_call() {
            self.statistics.count(FaultKind::CallLost);
            return;
        }
        let at = self.now.plus_us(self.faults.call_latency_us());
        let what = ClientHappening::Hears { call, heard };
        self.line.plan(at, Happening::Client(what));
    }

    pub(in crate::faults::world) fn refuse_call(&mut self, c: usize, call: usize) {
        let leader = self.coordinators[c].leader_hint();
        self.answer_call(c, call, Heard::Unavailable { leader });
    }

    /// The process that was asked is gone, and the kernel resets its connections.
    pub(in crate::faults::world) fn fail_calls_of(&mut self, c: usize) {
        let gone = self.coordinators[c].life - 1;
        for call in 0..self.clients.calls.len() {
            let asked = &mut self.clients.calls[call].asked;
            let before = asked.len();
            asked.retain(|asked| *asked != (c, gone));
            if asked.len() < before {
                let at = self.now.plus_us(self.faults.call_latency_us());
                let heard = Heard::Unavailable { leader: None };
                let what = ClientHappening::Hears { call, heard };
                self.line.plan(at, Happening::Client(what));
            }
        }
    }
}
