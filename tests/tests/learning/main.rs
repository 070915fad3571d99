//! Learning on from a live cluster, with real processes at 50 times the speed of what they model: jobs that would take
//! seconds to minutes take that many milliseconds times twenty.

mod calls;
mod live;
mod load;
mod networks;
mod refusals;
mod sabotage;
