//! The production state machines under virtual time.
//!
//! `drover_model::cluster`, `turn` and `session` run here as they do in production; what is around them is modelled:
//! - [`world`]: virtual time, network, store, the processes of coordinators and agents, people;
//! - [`faults`]: what goes wrong, and when;
//! - [`check`]: whether promises are kept, judged without asking the machines;
//! - [`workload`]: what people ask for, and how what they run behaves.
//!
//! [`replay`] steps what a real coordinator recorded through the same machines.
//!
//! A seed has one history: everything that is drawn comes from streams split by purpose. After minutes of faults all is
//! healed, and every job has to end.

pub mod check;
pub mod faults;
mod kinds;
pub mod occasion;
pub mod random;
pub mod replay;
pub mod run;
pub mod setting;
pub mod statistics;
pub mod workload;
pub mod world;
