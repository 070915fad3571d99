//! One round of dispatch.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::{
    Mode, Reservation,
    claim::Claim,
    place::Found,
    propose::Taken,
    reserve::Shadow,
    seek::Refused,
    walk::{Candidate, Walk},
    window::Windows,
};
use crate::{
    Decision, Placement, Preemption, Resources, Timestamp,
    cluster::{
        Cluster, Config,
        arrivals::Arrivals,
        jobs::{JobSlot, Jobs, TaskRef},
        node::NodeSlot,
        nodes::Nodes,
        payloads::Payloads,
        preempt::Preempting,
        ready::{Entry, Ready, Shape, ShapeId, Standing},
        rules::RuleBook,
        task::Task,
    },
    estimate::Estimator,
};

/// What should start now, and where.
pub(crate) fn decide(cluster: &mut Cluster, now: Timestamp) -> Decision {
    cluster.ready.forget_full(&cluster.nodes);
    // Of a round that nobody has stepped.
    cluster.proposed.clear();
    let Proposal {
        decision,
        proposed,
        freed,
        blocked,
    } = propose(cluster, now);
    cluster.proposed = proposed;
    cluster.blocked = blocked.filter(|_| cluster.config.mode == Mode::Strict);
    if let Some(freed) = freed {
        cluster.ready.freed = freed;
    }
    decision
}

struct Proposal {
    decision: Decision,
    /// Where it has to be looked for in memory.
    proposed: Vec<(JobSlot, NodeSlot)>,
    /// Freed nodes that are still to be looked at, if all that waits was judged.
    freed: Option<Vec<NodeSlot>>,
    /// First in order that fits nowhere now.
    blocked: Option<Entry>,
}

fn propose(cluster: &mut Cluster, now: Timestamp) -> Proposal {
    let mut round = Round {
        ready: &cluster.ready,
        jobs: &cluster.jobs,
        nodes: &mut cluster.nodes,
        considered: &mut cluster.considered,
        config: &cluster.config,
        payloads: &cluster.payloads,
        rules: &cluster.rules,
        estimator: &cluster.estimator,
        preempting: &cluster.preempting,
        arrivals: &cluster.arrivals,
        windows: &mut cluster.windows,
        now,
        room: None,
        placements: std::mem::take(&mut cluster.placements),
        proposed: std::mem::take(&mut cluster.proposed),
        taken: SmallVec::new(),
        apart: BTreeSet::new(),
        gained: FxHashMap::default(),
        served: FxHashSet::default(),
        claims: Vec::new(),
        preemptions: Vec::new(),
        victims: BTreeSet::new(),
        blocked: None,
        kept_for: None,
        shadow: None,
        held: 0,
        held_demands: BTreeMap::new(),
        refused: FxHashMap::default(),
    };
    round.serve_claims();
    let judged_all = round.run();
    round.undo();
    let freed = judged_all.then(|| round.still_wanted());
    let decision = Decision {
        reserved: round.reservation(),
        placements: round.placements,
        preemptions: round.preemptions,
    };
    Proposal {
        decision,
        proposed: round.proposed,
        freed,
        blocked: round.blocked,
    }
}

pub(super) struct Round<'a> {
    pub(super) ready: &'a Ready,
    pub(super) jobs: &'a Jobs,
    pub(super) nodes: &'a mut Nodes,
    /// Whose task is being judged.
    pub(super) considered: &'a mut Option<JobSlot>,
    pub(super) config: &'a Config,
    pub(super) payloads: &'a Payloads,
    pub(super) rules: &'a RuleBook,
    pub(super) estimator: &'a Estimator,
    pub(super) preempting: &'a Preempting,
    pub(super) arrivals: &'a Arrivals,
    pub(super) windows: &'a mut Windows,
    pub(super) now: Timestamp,
    /// At least as much of each resource as any one of the freed nodes has: what does not fit into this fits on none of
    /// them. Found when something did not fit.
    pub(super) room: Option<Resources>,
    pub(super) placements: Vec<Placement>,
    /// Where each of them is in memory.
    pub(super) proposed: Vec<(JobSlot, NodeSlot)>,
    /// Capacity given to proposals, to be given back at the end.
    pub(super) taken: SmallVec<[Taken<'a>; 2]>,
    /// Where proposals keep others of their job and group away.
    pub(super) apart: BTreeSet<(JobSlot, u32, NodeSlot)>,
    /// Width that jobs have got in this round. Noted where keys may change.
    pub(super) gained: FxHashMap<JobSlot, u64>,
    /// Tasks that got the place that was made for them, before the walk comes to them.
    pub(super) served: FxHashSet<TaskRef>,
    /// Places that are being made for tasks that wait.
    pub(super) claims: Vec<Claim<'a>>,
    pub(super) preemptions: Vec<Preemption>,
    /// Whom they stop.
    pub(super) victims: BTreeSet<TaskRef>,
    /// First in order that fits nowhere now.
    pub(super) blocked: Option<Entry>,
    /// For whom capacity is kept. One at most.
    pub(super) kept_for: Option<Entry>,
    /// What is kept. Found when the first task behind it asks.
    pub(super) shadow: Option<Shadow>,
    /// How many tasks fit but may not start.
    held: usize,
    /// Their demands.
    pub(super) held_demands: BTreeMap<ShapeId, &'a Resources>,
    /// What is known of their shapes.
    pub(super) refused: FxHashMap<ShapeId, Refused>,
}

impl<'a> Round<'a> {
    /// True when nothing more fits, except what is held; false when a bound or strict order ended the round, or some of what
    /// waits was left out of its window.
    fn run(&mut self) -> bool {
        let ready = self.ready;
        self.forget_room();
        if ready.nothing_fits(self.room.as_ref()) {
            return true;
        }
        let mut walk = self.walk();
        while !ready.nothing_fits(self.room.as_ref()) {
            let Some(candidate) = self.next(&mut walk) else {
                return walk.has_shown_all();
            };
            if self.is_full() || self.held >= self.config.held_per_round {
                return false;
            }
            *self.considered = Some(candidate.entry.task.job);
            let shape = ready.shape(candidate.shape);
            if shape.standing() == Standing::Impossible {
                continue;
            }
            let was_kept = self.kept_for.is_some();
            let goes_on = self.judge(&candidate, shape);
            walk.judged(&candidate, goes_on);
            if self.blocked.is_some() && self.config.mode == Mode::Strict {
                return false;
            }
            let begins_backfill = self.kept_for.is_some() && !was_kept;
            if begins_backfill {
                self.begin_backfill(&mut walk);
            }
        }
        true
    }

    fn next(&mut self, walk: &mut Walk<'a>) -> Option<Candidate> {
        match walk {
            Walk::InOrder(walk) => walk.next(),
            Walk::Ranked(walk) => self.next_ranked(walk),
            Walk::Windowed(windowed) => match self.next_windowed(windowed) {
                None if windowed.leaves_some_out() => {
                    *walk = self.in_order_after_window();
                    self.next(walk)
                }
                next => next,
            },
        }
    }

    /// From here on others are tried beside a reservation, in an order of their own.
    fn begin_backfill(&mut self, walk: &mut Walk<'a>) {
        match (self.config.backfill.as_deref(), walk) {
            (Some(order), walk) => *walk = Walk::Ranked(self.ranked(order)),
            (None, Walk::Windowed(windowed)) => self.rank_window(windowed),
            (None, _) => {}
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.placements.len() >= self.config.placements_per_round()
    }

    /// Whether those behind it, of the same queue and shape, may start or have others stopped as well.
    fn judge(&mut self, candidate: &Candidate, shape: &'a Shape) -> bool {
        if self.served.contains(&candidate.entry.task) {
            return true;
        }
        let minds = self.kept_for.is_some() || !self.claims.is_empty();
        if let Some(found) = self.find(candidate, shape, minds) {
            self.start(candidate.entry.task, shape, &found);
            return true;
        }
        if minds && self.could_start(candidate, shape) {
            self.held += 1;
            self.held_demands.insert(candidate.shape, shape.demand());
            if self.config.mode == Mode::Strict {
                self.blocked = Some(candidate.entry);
            }
            return true;
        }
        let has_claim = self.claim(candidate, shape);
        let standing = self.judge_unfit(candidate, shape, has_claim);
        self.ready.judge(candidate.shape, standing);
        has_claim
    }

    fn start(&mut self, task: TaskRef, shape: &'a Shape, found: &Found) {
        let backfilled = self.kept_for.is_some();
        self.take(task, shape, found, backfilled);
        self.release_claim(task);
    }

    /// The first in order that fits nowhere now, but could, blocks. Those that never could block nobody.
    fn judge_unfit(&mut self, candidate: &Candidate, shape: &Shape, has_claim: bool) -> Standing {
        let is_first = self.blocked.is_none();
        let is_kept_for = self.kept_for.is_none()
            && match self.config.mode {
                Mode::Strict => false,
                Mode::Easy => is_first,
                Mode::Greedy => {
                    let Entry { key, task, .. } = candidate.entry;
                    self.task(task).is_aged(key, self.config, self.now)
                }
            };
        if is_first || is_kept_for {
            if !shape.fit.is_possible(self.nodes) {
                return Standing::Impossible;
            }
            // One that only keeps apart from others of its job waits for these.
            if shape.fit.apart.is_some() && shape.fit.has_room(self.nodes) {
                return Standing::Parked;
            }
        }
        self.blocked = self.blocked.or(Some(candidate.entry));
        // What is being made for it is kept already.
        if is_kept_for && !has_claim {
            self.kept_for = Some(candidate.entry);
        }
        // Others of its shape may have others stopped. And what is proposed now may be stopped for it, but only when it has
        // started.
        let looks_again = has_claim || shape.fit.preempts && !self.placements.is_empty();
        if looks_again {
            Standing::Open
        } else {
            Standing::Parked
        }
    }

    /// Freed nodes on which something that is held could start.
    fn still_wanted(&self) -> Vec<NodeSlot> {
        let may_start = |node: &NodeSlot| {
            let free = self.nodes.get(*node).free();
            self.held_demands.values().any(|demand| demand.fits(free))
        };
        let freed = self.ready.freed.iter().copied();
        freed.filter(may_start).collect()
    }

    /// The reservation of the task for which capacity is kept, found once.
    pub(super) fn find_shadow(&mut self) {
        let (None, Some(entry)) = (&self.shadow, self.kept_for) else {
            return;
        };
        let shape = self.ready.shape(self.task(entry.task).run().shape);
        self.shadow = self.while_held(|round| {
            let holds = |at| &round.ready.shape(round.task(at).run().shape).fit;
            Shadow::find(round.nodes, round.now, &shape.fit, holds)
        });
    }

    fn reservation(&self) -> Option<Reservation> {
        let kept = self.kept_for.map(|entry| entry.task);
        let (task, shadow) = match kept.zip(self.shadow.as_ref()) {
            Some(kept) => kept,
            None => {
                let claim = self.claims.first()?;
                (claim.task, &claim.shadow)
            }
        };
        Some(shadow.reservation(task, self.jobs, self.nodes))
    }

    pub(super) fn task(&self, at: TaskRef) -> &'a Task {
        &self.jobs.get(at.job).tasks[at.task as usize]
    }
}
