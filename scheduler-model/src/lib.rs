//! The scheduler as a pure function of events.
//!
//! Nothing in this crate reads a clock, draws a random number of its own, opens a socket or a file, or knows a wire or
//! table format. Time, ids and seeds are arguments, so that equal events give equal effects, byte for byte, in
//! production, in the simulator and in a replay.
//!
//! Four machines:
//! - [`cluster`]: jobs, tasks, attempts, nodes; `step(now, event, effects)`.
//! - [`turn`]: what to commit, resend, perform; when to reload.
//! - [`lead`]: one leadership with both of these: what to take next, when to commit, what is to blame.
//! - [`session`]: the agent's side: what it holds, what it still has to report.
//!
//! and [`dispatch`] with [`policy`], which look at a cluster and propose what starts where.
//!
//! # States of a task
//!
//! Every arrow is one `become_*` function of the module `cluster::task`, which asserts the state that it comes from.
//!
//! ```text
//!   Dormant --become_pending: its stage has come--> Pending
//!      ^                                              |
//!      +------become_dormant: abandoned before--------+--become_done: nothing to run, or carried over--> Succeeded
//!             any undo step had begun                 |
//!                needs met            placed          |  agent says so
//!   Pending ---become_queued--> Queued --become_assigned--> Assigned --become_running--> Running
//!      |                         ^ |  ^ |                     |  |                        |  |
//!      |                         | |  | +become_rekeyed       |  +--become_stopping-------+  |
//!      |            backoff over | |  +-+                     |            |                 |
//!      |          +-become_queued+ |                          |        Stopping              |
//!      |          |                |                          |            |                 |
//!      |       Retrying <--become_retrying-- (failed, timed out, lost or given back) <-------+
//!      |          |                |                                       |
//!      |          |                |             (attempt ended for good)  +-> become_succeeded  -> Succeeded
//!      |          |                |                                       +-> become_failed     -> Failed
//!      |          |                +--become_expired: no node in time------+-> become_timed_out  -> TimedOut
//!      +----------+----------------+-----become_cancelled------------------+-> become_cancelled  -> Cancelled
//!      +---become_upstream_failed--> UpstreamFailed
//! ```
//!
//! Undo steps and `finally` tasks are tasks like others, dormant until their stage of the job (`cluster::stage`). A task
//! whose undo step is awake shows as `Undoing`, then as `Undone` or `UndoFailed` (`Job::task_state`).
//!
//! The state of a job is a function of its intent and of its tasks' counts: `Job::state` in the module `cluster::job`.
#![deny(clippy::iter_over_hash_type)]

mod attributes;
pub mod cluster;
pub mod constraint;
pub mod dag;
pub mod dispatch;
mod effect;
pub mod estimate;
mod event;
mod explanation;
mod ids;
pub mod inference;
pub mod lead;
pub mod observation;
pub mod policy;
mod priority;
mod random;
pub mod record;
pub mod replay;
mod resources;
mod rows;
mod score;
pub mod session;
mod spec;
mod state;
mod time;
pub mod turn;

pub use attributes::{Admission, NodeAttributes, NodeClass, NodeOverrides, ParseClassError};
pub use constraint::{Constraints, Expression, ParseExpressionError, Preference, Unmet};
pub use effect::{
    Action, Answer, Assignment, CloseReason, Effects, EstimateSource, EstimateView, Instance,
    InstanceOf, JobView, NodeView, Peers, PendingReason, PolicyView, Position, Refusal, StatusView,
    Submitted, TaskView, Transition,
};
pub use event::{
    Cancellation, Carried, Decision, Event, Heard, Join, NewJob, NodeChange, Outcome, Placement,
    PolicySwitch, Preemption, Question, Report, ReportBatch, ReportKind, RunnerUp,
};
pub use explanation::{DecisionSummary, DecisionView, NodeVerdict, Obstacle, TaskExplanation};
pub use ids::{AttemptKey, CallerId, Epoch, JobId, NodeName, SessionId, TurnNumber};
pub use priority::Priority;
pub use resources::{Resource, Resources};
pub use rows::{
    AttemptRow, EstimateRow, JobRow, Learned, LoadedJob, NewJobRow, NodeRow, PolicyEventRow,
    QueueRow, Rate, Snapshot,
};
pub use score::{ParseWeightsError, Score, Term, Terms, Weights};
pub use spec::{
    Deadline, DeadlineAction, ExitCodes, Expected, FailureRule, Group, GroupKind, JobSpec,
    OnDisconnect, RetryRule, Rules, StepSpec, TaskSpec, Topology,
};
pub use state::{
    AttemptState, Intent, JobState, NodeState, PolicyEventKind, PolicyState, TaskState,
};
pub(crate) use time::MaybeTimestamp;
pub use time::Timestamp;
