//! One verb, one file.

pub(crate) mod agent;
pub(crate) mod coordinator;
pub(crate) mod dev;
pub(crate) mod job;
pub(crate) mod node;
pub(crate) mod policy;
pub(crate) mod run;
pub(crate) mod signals;
pub(crate) mod submit;
pub(crate) mod validate;
