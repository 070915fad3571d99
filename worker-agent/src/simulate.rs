//! Loads that only take time. One heap holds them all; no task, no timer of its own for each.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    hash::{BuildHasher, BuildHasherDefault},
    time::Duration,
};

use drover_model::{AttemptKey, Outcome, Timestamp, session::End};
use rustc_hash::{FxHashMap, FxHasher};
use tokio::time::Instant;

use crate::clock;

#[derive(Debug)]
struct Load {
    ends: Instant,
    started_at: Timestamp,
    fails: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Simulated {
    loads: FxHashMap<AttemptKey, Load>,
    /// Entries of stopped loads stay until their time comes.
    ends: BinaryHeap<Reverse<(Instant, AttemptKey)>>,
}

impl Simulated {
    /// How it ended, if it takes no time.
    pub(crate) fn start(
        &mut self,
        key: AttemptKey,
        duration: Duration,
        failure_chance: f64,
        now: Timestamp,
    ) -> Option<End> {
        let fails = fails(key, failure_chance);
        if duration.is_zero() {
            return Some(end(now, now, fails));
        }
        // A timer of more than some decades would overflow.
        let ends = Instant::now() + duration.min(Duration::from_secs(10 * 365 * 86_400));
        let load = Load {
            ends,
            started_at: now,
            fails,
        };
        self.loads.insert(key, load);
        self.ends.push(Reverse((ends, key)));
        None
    }

    pub(crate) fn stop(&mut self, key: AttemptKey) -> Option<End> {
        let load = self.loads.remove(&key)?;
        Some(End {
            started_at: load.started_at,
            ended_at: clock::now(),
            outcome: Outcome::Stopped,
            exit_code: None,
            message: None,
        })
    }

    /// Waits until the next one is due; for ever when there is none.
    pub(crate) async fn due(&self) {
        let next = self.ends.peek();
        clock::sleep_until(next.map(|Reverse((at, _))| *at)).await;
    }

    /// The next one that has ended.
    pub(crate) fn pop(&mut self) -> Option<(AttemptKey, End)> {
        let now = Instant::now();
        while let Some(Reverse((at, key))) = self.ends.peek().copied() {
            if at > now {
                return None;
            }
            self.ends.pop();
            if self.loads.get(&key).is_some_and(|load| load.ends == at)
                && let Some(load) = self.loads.remove(&key)
            {
                return Some((key, end(load.started_at, clock::now(), load.fails)));
            }
        }
        None
    }
}

fn end(started_at: Timestamp, ended_at: Timestamp, fails: bool) -> End {
    End {
        started_at,
        ended_at,
        outcome: if fails {
            Outcome::Failed
        } else {
            Outcome::Succeeded
        },
        exit_code: None,
        message: fails.then(|| "failed by chance, as its failure_chance asks".into()),
    }
}

/// Drawn from the key: the same attempt always ends the same way.
fn fails(key: AttemptKey, chance: f64) -> bool {
    if chance <= 0.0 {
        return false;
    }
    let hash = BuildHasherDefault::<FxHasher>::default().hash_one(key);
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let draw = (mixed >> 11) as f64 / (1_u64 << 53) as f64;
    draw < chance
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use drover_model::{AttemptKey, JobId, Outcome, Timestamp};

    use super::{Simulated, fails};

    fn key(task: u32) -> AttemptKey {
        AttemptKey {
            job: JobId::from_u128(7),
            task,
            attempt: 1,
        }
    }

    #[test]
    fn failures_follow_the_chance_and_repeat() {
        for (chance, expected) in [(0.0, 0..=0), (0.2, 1_700..=2_300), (1.0, 10_000..=10_000)] {
            let count = || (0..10_000).filter(|task| fails(key(*task), chance)).count();
            assert!(expected.contains(&count()), "{} at {chance}", count());
            assert_eq!(count(), count());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn loads_end_in_the_order_of_their_durations() {
        let mut simulated = Simulated::default();
        for (task, seconds) in [(1, 30), (2, 10), (3, 20)] {
            let now = Timestamp(0);
            let none = simulated.start(key(task), Duration::from_secs(seconds), 0.0, now);
            assert_eq!(none, None);
        }
        assert_eq!(simulated.pop(), None);
        let stopped = simulated.stop(key(3)).expect("it runs");
        assert_eq!(stopped.outcome, Outcome::Stopped);
        let mut order = Vec::new();
        while order.len() < 2 {
            simulated.due().await;
            order.extend(simulated.pop().map(|(key, _)| key.task));
        }
        assert_eq!(order, [2, 1]);
    }
}
