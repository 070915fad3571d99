//! The agent protocol: wire to model and back.
