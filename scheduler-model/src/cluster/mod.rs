//! State and transitions of everything open. One verb, one file.

pub(crate) mod age;
pub(crate) mod facts;
pub(crate) mod fit;
pub(crate) mod job;
pub(crate) mod jobs;
pub(crate) mod lanes;
pub(crate) mod node;
pub(crate) mod nodes;
pub(crate) mod ready;
pub(crate) mod task;

mod array;
pub(crate) mod arrivals;
mod ask;
mod assign;
mod by_free;
mod cancel;
mod change_node;
mod check;
mod chunks;
mod compile;
mod deadline;
mod decisions;
pub(crate) mod edges;
mod end;
mod estimate;
mod expire;
mod explain;
mod gang;
pub(crate) mod group;
mod hold;
mod impossible;
mod join;
pub(crate) mod line;
mod load;
mod lose;
pub(crate) mod payloads;
pub(crate) mod phase;
pub(crate) mod preempt;
mod quarantine;
mod queue;
mod report;
mod requests;
pub(crate) mod rules;
mod settle;
mod stage;
mod start;
mod stop;
mod submit;
mod tick;
pub(crate) mod ties;
mod timers;
mod use_policy;
mod why;
mod write;

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    Action, Answer, Decision, Effects, Epoch, Event, JobId, Placement, Snapshot, Timestamp,
    Weights,
    dispatch::{self, Mode},
    estimate::Estimator,
    policy::{Order, Policy},
    random::RandomStream,
};
use age::Ages;
use arrivals::Arrivals;
use decisions::Decisions;
use jobs::{JobSlot, Jobs};
use node::NodeSlot;
use nodes::Nodes;
use payloads::Payloads;
use preempt::Preempting;
pub use quarantine::Quarantine;
use ready::{Entry, Ready};
use requests::RecentRequests;
use rules::RuleBook;
use timers::Timers;

/// How a cluster behaves. Fixed while a leadership lasts, but for the policy ([`Event::UsePolicy`]) and `careful`.
#[derive(Clone, Debug)]
pub struct Config {
    pub policy: Arc<dyn Policy>,
    /// What `policy` was made from, if it is a network; for the record.
    pub policy_weights: Option<Bytes>,
    pub mode: Mode,
    /// The order in which others are tried beside a reservation. `None`: the policy's.
    pub backfill: Option<Arc<dyn Policy>>,
    /// How many tasks that fit, but would delay a reservation, are passed over in one round before it ends.
    pub held_per_round: usize,
    /// What makes a node better than another.
    pub weights: Weights,
    /// Silence after which a node's attempts are given up.
    pub node_timeout_ms: u64,
    pub quarantine: Quarantine,
    /// A task that has waited so long goes before all that are not escalated, and is reserved for, whatever policy and
    /// mode.
    pub age_cap_ms: u64,
    /// A job with a task, or gang, that fits on no nodes that ever joined is refused; else it waits.
    pub refuse_impossible: bool,
    /// One placement a round and one timer a tick, so that what cannot be written is found. Until [`Event::Relax`].
    pub careful: bool,
    /// Whether rows of jobs, attempts and estimates and transitions of tasks go into effects, and decisions are kept to be
    /// explained. A simulation of which only the outcome is wanted goes without.
    pub records: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            policy: crate::policy::find("edf").expect("a built-in policy"),
            policy_weights: None,
            mode: Mode::Easy,
            backfill: None,
            held_per_round: dispatch::HELD_PER_ROUND,
            weights: Weights::default(),
            node_timeout_ms: 10_000,
            quarantine: Quarantine::default(),
            age_cap_ms: 24 * 60 * 60 * 1_000,
            refuse_impossible: false,
            careful: false,
            records: true,
        }
    }
}

impl Config {
    /// Whether a round may rank by keys that change.
    pub(crate) fn keys_change(&self) -> bool {
        let backfill = self.backfill.as_ref().map(|order| order.order());
        [Some(self.policy.order()), backfill]
            .into_iter()
            .flatten()
            .any(|order| order != Order::Fixed)
    }

    pub(crate) fn placements_per_round(&self) -> usize {
        if self.careful {
            1
        } else {
            dispatch::PLACEMENTS_PER_ROUND
        }
    }
}

/// What is counted but changes nothing. Starts from zero with each leadership.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    /// Reports of attempts that were not current.
    pub stale_reports: u64,
    /// Placements that were no longer possible.
    pub rejected_placements: u64,
    /// Attempts given up with their node.
    pub lost_attempts: u64,
    /// Attempts killed by agents whose lease was over.
    pub fenced_attempts: u64,
    /// Attempts that exceeded their start-to-close limit or reported no progress.
    pub timed_out_attempts: u64,
    /// Attempts that were followed by another after a backoff.
    pub retries: u64,
    /// Tasks that found no node within their schedule-to-start limit.
    pub expired_tasks: u64,
    /// Deadlines that cancelled a job or raised its priority.
    pub deadline_actions: u64,
    /// Nodes given up for their silence.
    pub lost_nodes: u64,
    pub quarantines: u64,
}

/// Everything open, in memory.
#[derive(Debug)]
pub struct Cluster {
    pub(crate) config: Config,
    /// Of the policy, to be handed out.
    policy_name: Arc<str>,
    pub(crate) jobs: Jobs,
    pub(crate) nodes: Nodes,
    pub(crate) ready: Ready,
    timers: Timers,
    pub(crate) payloads: Payloads,
    pub(crate) rules: RuleBook,
    /// Soft: what a crash loses of it is learned again.
    pub(crate) estimator: Estimator,
    /// [`timers::Timer::Estimates`] is set.
    estimates_are_due: bool,
    requests: RecentRequests,
    /// For backoff jitter.
    jitter: RandomStream,
    /// Something may have become startable.
    wants_dispatch: bool,
    /// Where the last round found what it proposes, in the order of its placements. A memo: [`Event::Dispatch`] is judged
    /// by what it says.
    pub(crate) proposed: Vec<(JobSlot, NodeSlot)>,
    /// Room for the placements of the next round.
    pub(crate) placements: Vec<Placement>,
    /// What all behind it wait for in strict order, as of the last round.
    pub(crate) blocked: Option<Entry>,
    /// The reservation of the last round, for explaining.
    pub(crate) reservation: Option<dispatch::Reservation>,
    counters: Counters,
    decisions: Decisions,
    ages: Ages,
    pub(crate) preempting: Preempting,
    /// The job that the step is about, for whoever has to find out which one it panicked on.
    at_work: Option<JobId>,
    /// The same of a round of dispatch.
    pub(crate) considered: Option<JobSlot>,
    /// Soft: what arrived lately.
    pub(crate) arrivals: Arrivals,
    /// Windows of the learned policy in the making. Nothing but the turn of the rotation outlives a round.
    pub(crate) windows: dispatch::Windows,
}

impl Cluster {
    /// Rebuilds the state from the store. Every node is disconnected and has a fresh allowance until it joins again.
    pub fn load(config: Config, snapshot: Snapshot, now: Timestamp) -> Self {
        let ready = Ready::new(config.policy.order() == Order::Window);
        let mut cluster = Self {
            policy_name: config.policy.name().into(),
            config,
            jobs: Jobs::default(),
            nodes: Nodes::default(),
            ready,
            timers: Timers::default(),
            payloads: Payloads::default(),
            rules: RuleBook::default(),
            estimator: Estimator::default(),
            estimates_are_due: false,
            requests: RecentRequests::new(snapshot.turn),
            jitter: jitter_of(snapshot.epoch),
            wants_dispatch: true,
            proposed: Vec::new(),
            placements: Vec::new(),
            blocked: None,
            reservation: None,
            counters: Counters::default(),
            decisions: Decisions::default(),
            ages: Ages::default(),
            preempting: Preempting::default(),
            at_work: None,
            considered: None,
            arrivals: Arrivals::default(),
            windows: dispatch::Windows::default(),
        };
        cluster.restore(snapshot, now);
        cluster
    }

    /// Takes one event. Never fails: what is refused is answered or counted.
    pub fn step(&mut self, now: Timestamp, event: Event, effects: &mut Effects) {
        self.at_work = None;
        match event {
            Event::Submit {
                caller,
                jobs,
                looked_up,
            } => self.submit(now, caller, jobs, looked_up, effects),
            Event::Cancel {
                caller,
                job,
                how,
                reason,
            } => self.cancel(now, caller, job, how, &reason, effects),
            Event::SetQueue { caller, queue } => {
                effects.queues.push(queue);
                let answer = Answer::QueueSet;
                effects.actions.push(Action::Reply { caller, answer });
            }
            Event::UsePolicy { caller, switch } => self.use_policy(now, caller, *switch, effects),
            Event::ChangeNode {
                caller,
                node,
                change,
            } => self.change_node(now, caller, &node, change, effects),
            Event::Ask { caller, question } => self.ask(now, caller, &question, effects),
            Event::Recover { node, report } => self.recover(now, &node, report, effects),
            Event::Join { session, join } => self.join(now, session, *join, effects),
            Event::Reports { session, batch } => self.reports(now, session, batch, effects),
            Event::Heard(heard) => self.heard(&heard),
            Event::Leaving { session } => self.leaving(session),
            Event::Left { session } => self.left(session),
            Event::Tick => self.tick(now, effects),
            Event::Relax => self.config.careful = false,
            Event::Dispatch(decision) => self.dispatch(now, decision, effects),
        }
    }

    /// When [`Event::Tick`] is due. `None`: nothing waits for time.
    pub fn next_timer(&self) -> Option<Timestamp> {
        self.timers.next()
    }

    /// True when something may have become startable since the last [`Event::Dispatch`].
    pub fn wants_dispatch(&self) -> bool {
        self.wants_dispatch && self.ready.len() > 0
    }

    /// What the policy proposes now. The caller steps it as [`Event::Dispatch`].
    pub fn decide(&mut self, now: Timestamp) -> Decision {
        self.at_work = None;
        let decision = dispatch::decide(self, now);
        self.considered = None;
        decision
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The job that the last step or round of dispatch was about when it returned, or panicked.
    pub fn at_work(&self) -> Option<JobId> {
        let considered = || Some(self.jobs.get(self.considered?).id);
        self.at_work.or_else(considered)
    }

    /// Number of open jobs.
    pub fn open_jobs(&self) -> usize {
        self.jobs.len()
    }

    /// Number of tasks that wait for a node.
    pub fn queued_tasks(&self) -> usize {
        self.ready.len()
    }
}

/// Split by purpose: another use of random numbers gets another stream.
fn jitter_of(epoch: Epoch) -> RandomStream {
    RandomStream::new(epoch.0 ^ 0x6a09_e667_f3bc_c908)
}
