//! A harness for tests with real processes: coordinators, agents and clients are started from the program `drover`
//! that the workspace builds, each with its own log, on an address that no other test has.
//!
//! Nothing here sleeps and hopes. Tests wait for conditions ([`until`]), for output ([`Process::said`]), for the end of
//! processes, and for fifos ([`Fifo`]) that commands hold open; every wait has one generous limit. Whatever a test has
//! started is killed with its process group when the test ends, also when it panics; then the logs are printed.

mod address;
mod answer;
mod audit;
mod clients;
mod cluster;
mod crowd;
mod database;
mod deeds;
mod fifo;
mod load;
mod mark;
mod network;
mod postgres_server;
mod process;
mod program;
mod proxy;
mod random;
mod record;
mod settings;
mod small_disk;
mod wait;

pub use address::Address;
pub use answer::Answer;
pub use audit::Audited;
pub use clients::status_of;
pub use cluster::Cluster;
pub use crowd::Crowd;
pub use database::Database;
pub use deeds::{chain, deed, job, script, simulated};
pub use fifo::Fifo;
pub use load::Load;
pub use mark::{Mark, Marked};
pub use network::Network;
pub use postgres_server::{PostgresServer, Shutdown};
pub use process::Process;
pub use program::{clean_command, drover, learner, repository};
pub use proxy::{Fault, Proxy, Weather};
pub use random::Random;
pub use record::StoredAttempt;
pub use settings::Settings;
pub use small_disk::SmallDisk;
pub use wait::{LIMIT, until, within_limit};
