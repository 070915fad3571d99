//! Readers and protocols against the reference figures of the shared data, by independent simulators of a few lines.
//!
//! What needs those files is passed over, loudly, where they are not.

mod counts;
mod data;
mod heap;
mod mutations;
mod philly;
mod production;
mod published;
mod redecide;
