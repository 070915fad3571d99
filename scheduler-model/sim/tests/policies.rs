//! What is promised of every policy, on small random loads. A failing case prints its seed and its smallest form.
//!
//! Each property is a function that tells whether it holds, and beside it stands a case in which it must not: a rule or an
//! option that breaks it.

#[path = "policies/load.rs"]
mod load;
#[path = "policies/one_machine.rs"]
mod one_machine;
#[path = "policies/permute.rs"]
mod permute;
#[path = "policies/starve.rs"]
mod starve;
