//! Clusters in which everything goes wrong, and whether Drover keeps its promises there.
//!
//! `drover_model::cluster`, `turn` and `session` run here as they do in production; what is around them is modelled:
//! - [`world`]: virtual time, network, store, the processes of coordinators and agents, people;
//! - [`inject`]: what goes wrong, and when;
//! - [`check`]: whether promises are kept, judged without asking the machines;
//! - [`workload`]: what people ask for, and how what they run behaves.
//!
//! A seed has one history: everything that is drawn comes from streams split by purpose. After minutes of faults all is
//! healed, and every job has to end.

pub mod check;
pub mod inject;
mod kinds;
pub mod occasion;
pub mod run;
pub mod setting;
pub mod statistics;
pub mod workload;
pub mod world;
