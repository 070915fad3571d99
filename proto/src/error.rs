//! What is wrong with a message.

/// A field of a user's request that cannot be accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Violation {
    /// Path from the request's root: `tasks[3].needs[0]`.
    pub field: String,
    /// What is wrong and what would be right, for people.
    pub problem: String,
}

/// A message of an agent or coordinator that does not follow the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}`: {problem}")]
pub struct DecodeError {
    pub field: &'static str,
    pub problem: &'static str,
}
