//! The production scheduler under virtual time.
//!
//! - [`command`]: what `drover simulate` and `drover evaluate` do with all of it;
//! - [`compat`]: the published protocol of another project, for comparison with its figures only;
//! - [`faults`]: all machines together, with everything around them that can go wrong, and checkers of what is promised;
//! - [`replay`]: what a real coordinator recorded, stepped through the same machines;
//! - [`trace`]: what arrives when and what it truly takes, and on what it runs;
//! - [`workload`]: traces that are made up, from a load, a number of jobs and a seed;
//! - [`simulate`]: a trace, a policy and a mode in, what became of every job out;
//! - [`evaluate`]: what that was worth in figures, and how policies compare;
//! - [`report`]: figures and single attempts as tables and files;
//! - [`plot`]: the same as pictures.

pub mod command;
pub mod compat;
pub mod evaluate;
pub mod faults;
pub mod plot;
pub mod random;
pub mod replay;
pub mod report;
pub mod simulate;
pub mod trace;
pub mod workload;
