//! Which of the tasks that wait are ranked together.
//!
//! All of them if they are few; else heads of shapes, the first in the order of the index, the oldest, those with the least
//! slack that can still meet their deadlines, and of the rest some others each time, in turn. Nothing is scanned.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    Timestamp,
    cluster::{
        jobs::TaskRef,
        lanes::{Arrival, Lanes},
        ready::{Entry, Ready, ShapeId, Standing},
    },
    observation::{Observer, Sight, WINDOW},
};

/// Shares of a window that does not show all. What has a deadline that it can meet gets what is left by them, as where hundreds are
/// late already nothing else shows those that are not.
const HEADS: usize = 32;
const FIRST: usize = 40;
const OLDEST: usize = 12;
const REST: usize = 12;

/// So many that can never fit are passed over by each share.
const PASSED_OVER: usize = 256;

/// Room for the windows of one round after the other, so that none allocates.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    pub(super) observer: Observer,
    /// The candidates.
    pub(super) drawn: Vec<(Entry, ShapeId)>,
    pub(super) sights: Vec<Sight>,
    /// Places in `drawn`, the best last: each in the lower half, below its score ([`standing`]).
    pub(super) order: Vec<u64>,
    /// What is known of their shapes: whether it fits now, and its largest share of a resource.
    pub(super) shapes: FxHashMap<ShapeId, (bool, u32)>,
    /// Tasks that are not to be drawn: started in this round, or drawn already.
    seen: FxHashSet<TaskRef>,
    /// The last of the rest that had its turn, or was passed over.
    rotation: Option<Arrival>,
}

/// A candidate among others in one number, the best the greatest: by score, ties to what was drawn first.
pub(super) fn standing(score: f32, place: usize) -> u64 {
    let bits = score.to_bits() as i32;
    let ordered = bits ^ (((bits >> 31) as u32) >> 1) as i32;
    let above_zero = (ordered as u32) ^ (1 << 31);
    u64::from(above_zero) << 32 | u64::from(u32::MAX - place as u32)
}

/// The place of the candidate.
pub(super) fn place_of(standing: u64) -> usize {
    (u32::MAX - standing as u32) as usize
}

impl Windows {
    /// Draws anew, without what has started, and with what capacity is kept for, against which the others are judged. True if
    /// nothing is left out.
    pub(super) fn draw(
        &mut self,
        ready: &Ready,
        now: Timestamp,
        started: impl Iterator<Item = TaskRef>,
        kept: Option<(Entry, ShapeId)>,
    ) -> bool {
        self.drawn.clear();
        self.seen.clear();
        self.seen.extend(started);
        let waiting = ready.len() - self.seen.len().min(ready.len());
        match ready.lanes() {
            Some(lanes) if waiting > WINDOW => {
                self.draw_some(ready, lanes, now, kept);
                false
            }
            _ => {
                let all = ready.entries();
                self.take(ready, all.map(|(_, shape, entry)| (*entry, shape)), WINDOW);
                waiting <= WINDOW
            }
        }
    }

    fn draw_some(
        &mut self,
        ready: &Ready,
        lanes: &Lanes,
        now: Timestamp,
        kept: Option<(Entry, ShapeId)>,
    ) {
        self.take(ready, kept.into_iter(), 1);
        let queues = || ready.queues().filter(|(_, queue)| !queue.is_empty());
        let of_each = (HEADS / queues().count().max(1)).max(2);
        for (_, queue) in queues() {
            let room = of_each.min(HEADS.saturating_sub(self.drawn.len()));
            self.take(ready, queue.heads().copied(), room);
        }
        self.take(ready, lanes.first(), FIRST);
        self.take(ready, lanes.oldest(), OLDEST);
        let due = WINDOW.saturating_sub(self.drawn.len() + REST);
        self.take(ready, lanes.due_from(now.0), due);
        let rest = WINDOW.saturating_sub(self.drawn.len());
        let last = self.take(ready, lanes.after(self.rotation), rest);
        self.rotation = last.or(self.rotation);
    }

    /// The first so many that could ever fit and are not there yet. Returns the last that was looked at.
    fn take(
        &mut self,
        ready: &Ready,
        from: impl Iterator<Item = (Entry, ShapeId)>,
        most: usize,
    ) -> Option<Arrival> {
        let most = self.drawn.len() + most;
        let (mut passed_over, mut last) = (0, None);
        for (entry, shape) in from {
            if self.drawn.len() >= most || passed_over >= PASSED_OVER {
                break;
            }
            last = Some((entry.arrival, entry.task));
            if ready.shape(shape).standing() == Standing::Impossible {
                passed_over += 1;
            } else if self.seen.insert(entry.task) {
                self.drawn.push((entry, shape));
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use super::*;
    use crate::{
        Resources,
        cluster::{fit::Fit, jobs::JobSlot},
    };

    /// Tasks of five widths that arrive in order, the last with the smallest keys, and every second with a deadline.
    fn ready(count: u32) -> Ready {
        let mut ready = Ready::new(true);
        let queue = ready.use_queue(&"default".into(), &"queue".into());
        for number in 0..count {
            let demand = Resources {
                cpu_millis: 1_000 * (1 + u64::from(number) % 5),
                ..Resources::ZERO
            };
            let shape = ready.use_shape(Fit {
                demand,
                constraints: Arc::default(),
                apart: None,
                gang: None,
                preempts: false,
            });
            let entry = entry(count, number);
            let latest_start = number.is_multiple_of(2).then_some(i64::from(number));
            ready.insert(queue, shape, entry, latest_start);
        }
        ready
    }

    fn entry(count: u32, number: u32) -> Entry {
        Entry {
            key: i64::from(count - number),
            arrival: u64::from(number),
            task: TaskRef {
                job: JobSlot::default(),
                task: number,
            },
        }
    }

    fn draw(windows: &mut Windows, ready: &Ready, started: &[u32]) -> (bool, BTreeSet<u32>) {
        let started = started.iter().map(|task| TaskRef {
            job: JobSlot::default(),
            task: *task,
        });
        let shows_all = windows.draw(ready, Timestamp(700), started, None);
        let drawn = windows.drawn.iter().map(|(entry, _)| entry.task.task);
        let set: BTreeSet<u32> = drawn.collect();
        assert_eq!(set.len(), windows.drawn.len(), "nothing is drawn twice");
        (shows_all, set)
    }

    #[test]
    fn the_best_stands_highest_and_of_equals_the_first() {
        let scores = [f32::NEG_INFINITY, -2.0, -0.5, 0.0, 1e-9, 3.0, f32::INFINITY];
        let stand: Vec<u64> = scores.iter().map(|score| standing(*score, 7)).collect();
        assert!(stand.is_sorted_by(|one, other| one < other));
        assert!(standing(1.0, 3) > standing(1.0, 4));
        assert_eq!(place_of(standing(-2.5, 127)), 127);
    }

    #[test]
    fn few_are_all_drawn_but_for_what_has_started() {
        let mut windows = Windows::default();
        let all = (0..128).collect::<BTreeSet<u32>>();
        assert_eq!(draw(&mut windows, &ready(128), &[]), (true, all));
        let (shows_all, drawn) = draw(&mut windows, &ready(129), &[5]);
        assert!(shows_all && drawn.len() == 128 && !drawn.contains(&5));
    }

    #[test]
    fn of_many_the_first_the_oldest_and_the_urgent_are_always_there() {
        let mut windows = Windows::default();
        let ready = ready(1_000);
        for _ in 0..3 {
            let (shows_all, drawn) = draw(&mut windows, &ready, &[]);
            assert!(!shows_all && drawn.len() == WINDOW);
            for must in [0, 11, 999, 960, 700, 780] {
                assert!(drawn.contains(&must), "{must}");
            }
        }
    }

    #[test]
    fn what_capacity_is_kept_for_stays_in_every_window() {
        let mut windows = Windows::default();
        let ready = ready(1_000);
        let kept = entry(1_000, 500);
        let place = ready.entries().find(|(_, _, entry)| **entry == kept);
        let kept = place.map(|(_, shape, entry)| (*entry, shape));
        assert!(kept.is_some());
        for _ in 0..20 {
            windows.draw(&ready, Timestamp(700), [].into_iter(), kept);
            assert_eq!(windows.drawn.len(), WINDOW);
            assert!(windows.drawn.contains(&kept.unwrap()));
        }
    }

    /// Of one shape in five no node could hold any, and all of it comes before the rest.
    #[test]
    fn what_could_never_fit_is_passed_over_in_small_numbers() {
        let mut windows = Windows::default();
        let ready = ready(4_000);
        for (_, shape, _) in ready.entries() {
            if ready.shape(shape).demand().cpu_millis > 1_000 {
                ready.judge(shape, Standing::Impossible);
            }
        }
        let mut seen = BTreeSet::new();
        for _ in 0..200 {
            let drawn = draw(&mut windows, &ready, &[]).1;
            assert!(drawn.iter().all(|task| task.is_multiple_of(5)));
            seen.extend(drawn);
        }
        assert_eq!(seen.len(), 800, "all others have their turn");
    }

    /// One array of 500 instances in each of three jobs; of the second also a task of another key.
    #[test]
    fn of_arrays_every_job_is_shown() {
        let mut ready = ready(0);
        let queue = ready.use_queue(&"default".into(), &"queue".into());
        let shape = ready.use_shape(Fit {
            demand: Resources::ZERO,
            constraints: Arc::default(),
            apart: None,
            gang: None,
            preempts: false,
        });
        let entry = |arrival: u64, task: u32, key: i64| Entry {
            key,
            arrival,
            task: TaskRef {
                job: JobSlot::default(),
                task,
            },
        };
        for task in 0..1_500 {
            let job = task / 500;
            ready.insert(queue, shape, entry(job.into(), task, job.into()), None);
        }
        ready.insert(queue, shape, entry(1, 2_000, 9), None);
        let mut windows = Windows::default();
        windows.draw(&ready, Timestamp(700), [].into_iter(), None);
        let drawn = windows.drawn.iter();
        let drawn: BTreeSet<_> = drawn.map(|(it, _)| (it.arrival, it.key)).collect();
        assert_eq!(drawn, [(0, 0), (1, 1), (1, 9), (2, 2)].into());
        assert!(windows.drawn.len() < 16, "one of each, from each order");
    }

    #[test]
    fn of_many_everything_has_its_turn() {
        let mut windows = Windows::default();
        let ready = ready(1_000);
        let mut seen = BTreeSet::new();
        for draws in 1.. {
            seen.extend(draw(&mut windows, &ready, &[]).1);
            if seen.len() == 1_000 {
                assert!(draws > 10, "the window is a small part");
                break;
            }
            assert!(draws < 100, "{} of 1000 after {draws} draws", seen.len());
        }
    }
}
