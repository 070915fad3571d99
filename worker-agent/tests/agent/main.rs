//! An agent against a coordinator that the tests play.

mod addresses;
mod agent;
mod cgroup;
mod coordinator;
mod frozen;
mod journal;
mod lease;
mod leave;
mod logs;
mod process;
mod progress;
mod session;
mod task;
