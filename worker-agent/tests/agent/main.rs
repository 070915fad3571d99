//! An agent against a coordinator that the tests play.

mod coordinator;
mod logs;
mod process;
mod session;
