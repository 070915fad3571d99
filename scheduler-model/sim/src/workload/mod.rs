//! Traces that are made up: from a load, a number of jobs and a seed.
//!
//! - [`FAMILIES`]: six families that each put something else to the test; [`find`] knows them by name;
//! - [`lublin`]: the model of rigid jobs by Lublin and Feitelson, from its published parameters;
//! - [`SPECIAL`]: families that networks for special clusters are trained on, with [`find`] too;
//! - [`generator`]: independent jobs with uniform sizes and times, as small research tools make them.
//!
//! In all of them jobs are drawn first. Then follows for how long they keep the nodes busy, from that and from the load
//! when the last one arrives, and [`intensity`] spreads the others over that time. So the offered load is what was asked,
//! not only on average. `docs/workloads.md` has the parameters in one place.

mod application;
mod bursty;
mod dag;
mod deadline_tight;
mod edge_cloud_gpu;
mod family;
pub mod generator;
mod gpu_pool;
mod heavy_tail;
mod intensity;
pub mod lublin;
mod nodes;
mod queries;
mod sessions;
mod steady;
mod streams;
mod task;
#[cfg(test)]
mod tests;
mod users;

pub use family::{
    FAMILIES, Family, LUBLIN, Parameters, ParametersError, SPECIAL, UnknownFamilyError, find,
};
pub use nodes::equal_nodes;
