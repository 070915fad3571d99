//! The `drover.v1` protocol, and the only place where wire messages become model values and back.

/// Generated messages, clients and servers of `drover/v1/*.proto`.
#[allow(
    clippy::all,
    clippy::pedantic,
    unreachable_pub,
    rust_2018_idioms,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]
pub mod v1 {
    tonic::include_proto!("drover.v1");
    include!(concat!(env!("OUT_DIR"), "/drover.v1.serde.rs"));
}

/// Encoded `FileDescriptorSet` of the protocol, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/drover.bin"));

/// Version of the agent protocol that this build speaks.
pub const AGENT_PROTOCOL_VERSION: u32 = 1;

pub mod agent;
mod attributes;
mod error;
pub mod job;
pub mod node;
mod resources;
pub mod spec;
pub mod status;
pub mod time;

pub use error::{DecodeError, Violation};
