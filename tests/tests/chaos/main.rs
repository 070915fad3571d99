//! Everything that can fail, failing, with real processes. Each test ends with an audit of the record: submitted = ended,
//! attempts numbered without gaps, no success recorded twice, no process left, and counters that tell what happened.

mod agents;
mod beats;
mod coordinators;
mod database;
mod dead_letters;
mod disk;
mod exhausted;
mod frozen;
mod leaders;
mod network;
mod overload;
mod poison;
mod recorded;
mod refused;
mod rollback;
mod wire;
