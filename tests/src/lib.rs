//! A harness for tests with real processes: coordinators, agents and clients are started from the program `drover`
//! that the workspace builds, each with its own log, on an address that no other test has.
//!
//! Nothing here sleeps and hopes. Tests wait for conditions ([`until`]), for output ([`Process::said`]), for the end of
//! processes, and for fifos ([`Fifo`]) that commands hold open; every wait has one generous limit. Whatever a test has
//! started is killed with its process group when the test ends, also when it panics; then the logs are printed.

mod address;
mod answer;
mod cluster;
mod database;
mod fifo;
mod process;
mod program;
mod random;
mod wait;

pub use address::Address;
pub use answer::Answer;
pub use cluster::{Cluster, Settings};
pub use database::Database;
pub use fifo::Fifo;
pub use process::Process;
pub use program::{clean_command, drover, repository};
pub use random::Random;
pub use wait::{LIMIT, until, within_limit};
