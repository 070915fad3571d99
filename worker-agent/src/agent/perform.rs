//! What the session decides is done here.

use drover_model::{
    AttemptKey,
    session::{Input, Output},
};

use super::{Agent, wire};
use crate::{executor::Begun, guard::Lease};

impl Agent {
    /// Steps the session and performs what follows, until nothing follows.
    pub(super) fn step(&mut self, input: Input) {
        self.session.step(input, &mut self.outputs);
        self.tell_lease();
        while !self.outputs.is_empty() {
            let mut outputs = std::mem::take(&mut self.outputs);
            for output in outputs.drain(..) {
                self.perform(output);
            }
            if self.outputs.is_empty() {
                // Keeps the allocation.
                self.outputs = outputs;
                return;
            }
        }
    }

    /// Sends every report there is, unless the socket is behind: then they wait for the next message.
    pub(super) fn flush(&mut self) {
        if self.says_leaving {
            let Some(permit) = self.link.try_reserve() else {
                return;
            };
            permit.send(wire::leaving());
            self.says_leaving = false;
        }
        while self.session.has_reports() {
            let Some(permit) = self.link.try_reserve() else {
                return;
            };
            if let Some(batch) = self.session.take_reports() {
                permit.send(wire::reports(batch));
            }
        }
    }

    /// Before anything starts that depends on it.
    fn tell_lease(&mut self) {
        let Some(end) = self.session.lease_end() else {
            return;
        };
        let lease = Lease {
            end,
            fence_grace_ms: self.session.fence_grace_ms(),
        };
        if self.told != Some(lease) {
            self.executor.renew(lease);
            self.told = Some(lease);
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Join(join) => self.link.open(wire::join(*join)),
            Output::Heartbeat {
                number,
                cpu_permille,
                memory_permille,
            } => {
                // Without room it is left out: it counts as unanswered.
                if let Some(permit) = self.link.try_reserve() {
                    permit.send(wire::heartbeat(number, cpu_permille, memory_permille));
                }
            }
            Output::Leaving => self.says_leaving = true,
            Output::Start(assignment) => {
                let key = assignment.key;
                let input = match self.executor.start(assignment) {
                    Begun::Ended(end) => Input::Ended { key, end },
                    Begun::Runs { at } => Input::Started { key, at },
                    Begun::Elsewhere => return,
                };
                self.session.step(input, &mut self.outputs);
            }
            Output::Stop { key, grace_ms } => self.stop(key, grace_ms),
            Output::Discard { key } => self.stop(key, 0),
            Output::Journal(report) => self.journal.append(report),
            Output::JournalEmpty => self.journal.clear(),
            Output::Close(reason) => {
                self.link.close(&reason);
                self.apart();
                self.session.step(Input::Disconnected, &mut self.outputs);
            }
        }
    }

    fn stop(&mut self, key: AttemptKey, grace_ms: u64) {
        if let Some(end) = self.executor.stop(key, grace_ms) {
            self.session
                .step(Input::Ended { key, end }, &mut self.outputs);
        }
    }
}
