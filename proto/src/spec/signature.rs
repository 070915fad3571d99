//! Which work is the same work: what it took before is what it is expected to take.

use crate::v1::{TaskPayload, task_payload::Run};
use prost::Message as _;

/// Numbers that stand in the record, so that they must never change: FNV-1a with 64 bits (Fowler, Noll, Vo; RFC 9923).
struct Signature(u64);

impl Signature {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// With its length, so that no two lists of parts are the same text.
    fn part(mut self, bytes: &[u8]) -> Self {
        let length = (bytes.len() as u64).to_le_bytes();
        for byte in length.iter().chain(bytes) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self
    }
}

/// Of everything in a queue.
pub(super) fn of_queue(namespace: &str, queue: &str) -> u64 {
    Signature::new()
        .part(namespace.as_bytes())
        .part(queue.as_bytes())
        .0
}

/// Of a task by its queue, its name and what it runs; variables and the working directory do not count.
pub(super) fn of_step(namespace: &str, queue: &str, payload: &TaskPayload) -> u64 {
    let step = Signature::new()
        .part(namespace.as_bytes())
        .part(queue.as_bytes())
        .part(payload.task_name.as_bytes())
        .part(&[payload.undo.into()]);
    match &payload.run {
        None => step,
        Some(Run::Command(command)) => {
            let step = step.part(&[command.shell.into()]);
            command.argv.iter().fold(step, |step, word| step.part(word))
        }
        Some(Run::Stress(stress)) => step.part(&stress.encode_to_vec()),
        Some(Run::Simulate(simulate)) => step.part(&simulate.encode_to_vec()),
    }
    .0
}
