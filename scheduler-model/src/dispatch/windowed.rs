//! The ready tasks in the order that a network gives to a window of them.
//!
//! One ranking serves the round: candidates come by score. It is made again when half of the window has started, when what
//! fitted does not fit any more, and when capacity begins to be kept for the first that fits nowhere. From then on only what
//! scores higher than that one is tried beside it: so a policy can hold capacity back. Where there is nothing to choose,
//! because nothing of the window fits or one order is as good as another, the order of the index serves.

use std::cmp::Reverse;

use super::{
    round::Round,
    walk::{Candidate, Walk},
    window::{place_of, standing},
};
use crate::{
    cluster::{
        age::AGED,
        facts::facts,
        node::NodeSlot,
        nodes::Room,
        ready::{Entry, ShapeId, Standing},
    },
    observation::{Beside, Sight, Surroundings},
    policy::Learned,
};

/// Where a round stands in its window. The window itself is in [`super::Windows`].
pub(super) struct Windowed<'a> {
    learned: &'a Learned,
    /// Candidates when it was ranked, and how much had been proposed then.
    size: usize,
    ranked_at: usize,
    /// Nothing that waits is left out.
    shows_all: bool,
    /// Something is not tried because it scores lower than what capacity is kept for.
    holds_back: bool,
    /// Of all nodes, when it was drawn.
    room: Room,
}

/// Where all that waits asks for less than a quarter of what is free, order hardly matters.
const PLENTY: u64 = 4;

impl Windowed<'_> {
    /// Nothing that waits was left out of it.
    pub(super) fn shows_all(&self) -> bool {
        self.shows_all
    }

    /// What is not in the window may start when all in it has been tried.
    pub(super) fn leaves_some_out(&self) -> bool {
        !self.shows_all && !self.holds_back
    }
}

impl<'a> Round<'a> {
    pub(super) fn windowed(&mut self) -> Walk<'a> {
        let learned = self.config.policy.learned();
        let Some(learned) = learned.filter(|_| self.ready.len() > 1) else {
            return Walk::in_order(self.ready);
        };
        let mut windowed = Windowed {
            learned,
            size: 0,
            ranked_at: 0,
            shows_all: true,
            holds_back: false,
            room: Room::default(),
        };
        if self.draw_window(&mut windowed) && self.has_a_choice(&windowed) {
            self.score_window(&mut windowed);
            return Walk::Windowed(windowed);
        }
        Walk::in_order(self.ready)
    }

    /// The first in order.
    pub(super) fn next_windowed(&mut self, windowed: &mut Windowed<'a>) -> Option<Candidate> {
        loop {
            let has_started = self.taken.len() > windowed.ranked_at;
            let Some(standing) = self.windows.order.pop() else {
                if windowed.shows_all || windowed.holds_back || !has_started {
                    return None;
                }
                self.rank_window(windowed);
                continue;
            };
            let place = place_of(standing);
            let (entry, shape) = self.windows.drawn[place];
            let fitted = self.windows.sights[place].fits;
            if has_started {
                let started = self.taken.len() - windowed.ranked_at;
                let is_used = windowed.size > 2 && started * 2 >= windowed.size;
                if is_used || fitted && !self.fits_now(entry, shape) {
                    self.rank_window(windowed);
                    continue;
                }
            }
            return Some(Candidate::ranked(entry, shape));
        }
    }

    /// What is left when a window has been tried: all else, in the order of the index.
    pub(super) fn in_order_after_window(&mut self) -> Walk<'a> {
        let started = self.taken.iter().map(|taken| taken.holding.task);
        self.served.extend(started);
        Walk::in_order(self.ready)
    }

    /// Draws and ranks anew.
    pub(super) fn rank_window(&mut self, windowed: &mut Windowed<'a>) {
        self.draw_window(windowed);
        self.score_window(windowed);
    }

    /// False if nothing of it fits now.
    fn draw_window(&mut self, windowed: &mut Windowed<'a>) -> bool {
        let started = self.taken.iter().map(|taken| taken.holding.task);
        let kept = self
            .kept_for
            .map(|entry| (entry, self.task(entry.task).run().shape));
        windowed.shows_all = self.windows.draw(self.ready, self.now, started, kept);
        windowed.size = self.windows.drawn.len();
        windowed.ranked_at = self.taken.len();
        self.windows.shapes.clear();
        windowed.room = self.nodes.room();
        let mut sights = std::mem::take(&mut self.windows.sights);
        sights.clear();
        let mut fits_any = false;
        for place in 0..self.windows.drawn.len() {
            let (entry, shape) = self.windows.drawn[place];
            let sight = self.sight(entry, shape, &windowed.room);
            fits_any |= sight.fits;
            sights.push(sight);
        }
        self.windows.sights = sights;
        fits_any
    }

    fn has_a_choice(&self, windowed: &Windowed<'_>) -> bool {
        let sights = &self.windows.sights;
        let wanted: u64 = sights.iter().map(|it| it.facts.width_millis).sum();
        let has_plenty = wanted.saturating_mul(PLENTY) < windowed.room.free_millis
            && sights.iter().all(|sight| sight.fits);
        !(windowed.shows_all && has_plenty)
    }

    fn sight(&mut self, entry: Entry, shape: ShapeId, room: &Room) -> Sight {
        let known = self.windows.shapes.get(&shape).copied();
        let (fits, dominant_ppm) = known.unwrap_or_else(|| {
            let demand = self.ready.shape(shape).demand();
            let found = (self.fits_now(entry, shape), room.dominant_ppm(demand));
            self.windows.shapes.insert(shape, found);
            found
        });
        let job = self.jobs.get(entry.task.job);
        let task = &job.tasks[entry.task.task as usize];
        let mut facts = facts(self.jobs, self.ready, entry.task, self.now);
        let gained = self.gained.get(&entry.task.job).copied().unwrap_or(0);
        facts.job.held_millis = facts.job.held_millis.saturating_add(gained);
        let demand = self.ready.shape(shape).demand();
        let at_home = |node: NodeSlot| demand.fits(self.nodes.get(node).free());
        Sight {
            facts,
            critical_path_ms: job.critical_path_ms(),
            hold_ms: task.hold_ms,
            attempts: task.attempt,
            tasks: job.task_count(),
            dominant_ppm: dominant_ppm.saturating_mul(self.ready.shape(shape).fit.size()),
            fits,
            at_home: fits && job.near.is_some_and(at_home),
        }
    }

    fn fits_now(&self, entry: Entry, shape: ShapeId) -> bool {
        let asked = self.ready.shape(shape);
        asked.standing() != Standing::Impossible && self.is_somewhere(entry.task, asked)
    }

    fn score_window(&mut self, windowed: &mut Windowed<'a>) {
        let around = self.surroundings(&windowed.room);
        let learned = windowed.learned;
        let windows = &mut *self.windows;
        let observer = &mut windows.observer;
        observer.observe(&windows.sights, &around, learned.looks_at());
        let scores = observer.score(learned.scorer());
        windows.order.clear();
        for (place, score) in scores.iter().enumerate() {
            let is_aged = windows.drawn[place].0.key <= AGED;
            let score = match *score {
                _ if is_aged => f32::INFINITY,
                score if score.is_nan() => f32::NEG_INFINITY,
                score => score.min(f32::MAX),
            };
            windows.order.push(standing(score, place));
        }
        windows.order.sort_unstable();
        // Before all others, whatever the network says, and in the order of the index: what is escalated, then what has aged.
        let drawn = &windows.drawn;
        let entry = |standing: &u64| drawn[place_of(*standing)].0;
        let others = windows.order.partition_point(|it| entry(it).key > AGED);
        windows.order[others..].sort_unstable_by_key(|it| Reverse(entry(it)));
        self.hold_back(windowed);
    }

    /// What scores lower than what capacity is kept for is not tried beside it.
    fn hold_back(&mut self, windowed: &mut Windowed<'a>) {
        let Some(kept) = self.kept_for else {
            return;
        };
        let windows = &mut *self.windows;
        let is_kept = |it: &u64| windows.drawn[place_of(*it)].0.task == kept.task;
        let Some(last) = windows.order.iter().position(is_kept) else {
            return;
        };
        for it in windows.order.drain(..=last) {
            let place = place_of(it);
            if windows.sights[place].fits {
                windowed.holds_back = true;
                let shape = windows.drawn[place].1;
                let demand = self.ready.shape(shape).demand();
                self.held_demands.insert(shape, demand);
            }
        }
    }

    fn surroundings(&mut self, room: &Room) -> Surroundings {
        self.find_shadow();
        let kept = self.kept_for.zip(self.shadow.as_ref());
        let beside = kept.map(|(entry, shadow)| {
            let facts = facts(self.jobs, self.ready, entry.task, self.now);
            Beside {
                start_in_ms: shadow.start.since(self.now),
                area: facts.area() as f32,
            }
        });
        Surroundings {
            waiting: self.ready.len(),
            total_millis: room.total_millis,
            free_millis: room.free_millis,
            offered: self.arrivals.offered(self.now, room.total_millis),
            unlike_share: self.nodes.unlike_share(),
            beside,
        }
    }
}
