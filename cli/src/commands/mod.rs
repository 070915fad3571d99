//! One verb, one file.

pub(crate) mod agent;
pub(crate) mod coordinator;
pub(crate) mod dead_letter;
pub(crate) mod dev;
pub(crate) mod evaluate;
pub(crate) mod job;
pub(crate) mod node;
pub(crate) mod pages;
pub(crate) mod policy;
pub(crate) mod queue;
pub(crate) mod run;
pub(crate) mod signals;
pub(crate) mod simulate;
pub(crate) mod status;
pub(crate) mod submit;
pub(crate) mod trace;
pub(crate) mod validate;
pub(crate) mod wait;
