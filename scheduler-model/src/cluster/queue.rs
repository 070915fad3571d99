//! Into the ready index and out of it.

use super::{
    Cluster,
    age::behind_aged,
    facts::facts,
    jobs::{JobSlot, Jobs, TaskRef},
    phase::{Kind, Phase},
    ready::{Entry, FREED_SEEN, ShapeId, Standing},
    timers::Timer,
};
use crate::{Effects, Timestamp, Transition, policy::Order};

impl Jobs {
    /// Place in the index, of a queued task.
    pub(crate) fn entry(&self, at: TaskRef) -> Option<Entry> {
        let job = self.get(at.job);
        match job.tasks[at.task as usize].phase {
            Phase::Queued { key, .. } => Some(Entry {
                key,
                arrival: job.arrival,
                task: at,
            }),
            _ => None,
        }
    }
}

impl Cluster {
    /// Queues every task of a job that waits for nothing.
    pub(super) fn queue_what_is_ready(&mut self, now: Timestamp, slot: JobSlot) {
        for task in 0..self.jobs.get(slot).tasks.len() as u32 {
            let waiting = &self.jobs.get(slot).tasks[task as usize].phase;
            if matches!(waiting, Phase::Pending { unmet: 0, .. }) {
                self.enqueue(now, TaskRef { job: slot, task });
            }
        }
    }

    /// The task waits for a node from now on, unless its group keeps it back.
    pub(super) fn enqueue(&mut self, now: Timestamp, at: TaskRef) {
        match self.members(at) {
            Some(members) => self.gather(now, at, members),
            None if self.jobs.get_mut(at.job).enter_array(at.task) => self.queue(now, at),
            None => {}
        }
    }

    /// Puts it into the index.
    pub(super) fn queue(&mut self, now: Timestamp, at: TaskRef) {
        let key = self.key(at);
        let latest_start = self.latest_start(at);
        let job = self.jobs.get_mut(at.job);
        let task = &mut job.tasks[at.task as usize];
        task.become_queued(key, now);
        let run = task.run();
        if let Some(limit) = self.rules.get(run.rules).start_timeout_ms {
            self.timers.set(now.plus_ms(limit), Timer::StartBy(at));
        }
        let entry = Entry {
            key,
            arrival: job.arrival,
            task: at,
        };
        self.ready.insert(job.queue, run.shape, entry, latest_start);
        if self.ready.shape(run.shape).fit.preempts && job.preempts() {
            // Whom others of its shape have stopped says nothing of whom it may.
            self.ready.judge(run.shape, Standing::Open);
        }
        self.watch_age(now, at);
        self.wants_dispatch |= self.changes_something(&entry, run.shape);
    }

    /// Whether one more task that waits may change something: not if its shape was found to fit nowhere, unless capacity that
    /// came free since is kept from others by strict order, or something is kept from others by a reservation: it may come
    /// before those.
    fn changes_something(&self, entry: &Entry, shape: ShapeId) -> bool {
        // In strict order it would not be looked at.
        let is_fixed = self.config.policy.order() == Order::Fixed;
        if is_fixed && self.blocked.is_some_and(|first| first < *entry) {
            return false;
        }
        let shape = self.ready.shape(shape);
        shape.standing() == Standing::Open
            || self.ready.freed.len() > FREED_SEEN
            || self.ready.fits_freed(&self.nodes, shape.demand())
            || self.may_precede_reserved(entry)
    }

    /// Whether capacity would be kept for it instead, which may let others go that it is kept from now.
    fn may_precede_reserved(&self, entry: &Entry) -> bool {
        let Some(reserved) = &self.reservation else {
            return false;
        };
        let job = self.jobs.find(reserved.job);
        let at = job.map(|job| TaskRef {
            job,
            task: reserved.task,
        });
        let first = at.and_then(|at| self.jobs.entry(at));
        first.is_none_or(|first| *entry < first || self.config.policy.order() != Order::Fixed)
    }

    /// A queued task gets another place in the order.
    pub(super) fn rekey(&mut self, at: TaskRef, key: i64) {
        let old = self
            .jobs
            .entry(at)
            .expect("only a queued task is in the index");
        let latest_start = self.latest_start(at);
        let job = self.jobs.get_mut(at.job);
        let task = &mut job.tasks[at.task as usize];
        let shape = task.run().shape;
        task.become_rekeyed(key);
        self.ready.remove(job.queue, shape, old, latest_start);
        let new = Entry { key, ..old };
        self.ready.insert(job.queue, shape, new, latest_start);
        // It may block or have others stopped where it could not before.
        self.ready.judge(shape, Standing::Open);
        self.wants_dispatch = true;
    }

    /// Like [`Cluster::enqueue`], for a task that others have seen in another state.
    pub(super) fn enqueue_and_tell(&mut self, now: Timestamp, at: TaskRef, effects: &mut Effects) {
        self.enqueue(now, at);
        self.tell(at, effects);
    }

    /// Takes out of the index what will not start: capacity may have been kept from others for it.
    pub(super) fn withdraw(&mut self, at: TaskRef) {
        self.dequeue(at);
        self.wants_dispatch = true;
    }

    /// Takes a queued task out of the index. Its state is the caller's to change.
    pub(super) fn dequeue(&mut self, at: TaskRef) {
        let entry = self
            .jobs
            .entry(at)
            .expect("only a queued task is in the index");
        let latest_start = self.latest_start(at);
        let job = self.jobs.get(at.job);
        let task = &job.tasks[at.task as usize];
        let run = task.run();
        if let (Phase::Queued { since, .. }, Some(limit)) =
            (task.phase, self.rules.get(run.rules).start_timeout_ms)
        {
            self.timers.forget(since.plus_ms(limit), Timer::StartBy(at));
        }
        self.ready.remove(job.queue, run.shape, entry, latest_start);
        // Others were kept from the place that was made for it.
        self.wants_dispatch |= self.preempting.forget(at);
    }

    /// Where the index keeps a task; before all others if its job is escalated. Those whose keys change lie in the order
    /// of their arrival.
    pub(super) fn key(&self, at: TaskRef) -> i64 {
        if self.jobs.get(at.job).escalated {
            return i64::MIN;
        }
        if !matches!(self.config.policy.order(), Order::Fixed | Order::Window) {
            return 0;
        }
        let facts = facts(&self.jobs, &self.ready, at, Timestamp(0));
        behind_aged(self.config.policy.key(&facts))
    }

    /// That which meets the deadline; fixed while a task is queued.
    pub(super) fn latest_start(&self, at: TaskRef) -> Option<i64> {
        let job = self.jobs.get(at.job);
        let rank_ms = job.tasks[at.task as usize].upward_rank_ms;
        let deadline = job.deadline.get()?;
        Some(deadline.0.saturating_sub_unsigned(rank_ms))
    }

    /// Tells watchers where a task stands now.
    pub(super) fn tell(&self, at: TaskRef, effects: &mut Effects) {
        if !self.config.records {
            return;
        }
        let job = self.jobs.get(at.job);
        let task = &job.tasks[at.task as usize];
        let shown = match task.kind {
            // What was not done shows how it ended.
            Kind::Undo if job.is_forgiven(at.task - job.task_count()) => return,
            Kind::Undo => at.task - job.task_count(),
            Kind::Main | Kind::Finally => at.task,
        };
        effects.transitions.push(Transition::Task {
            job: job.id,
            task: shown,
            to: job.task_state(shown),
            attempt: task.attempt,
            node: task
                .phase
                .held()
                .map(|held| self.nodes.get(held.node).name.clone()),
        });
    }
}
