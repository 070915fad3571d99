//! What is known of events that the model or the store could not take. Outlives leaderships.
//!
//! The first time something goes wrong, many events may be at fault: the next leadership is careful, and commits each
//! alone. What goes wrong then names its own job, which is ended in the record before the next load, so that others can go
//! on without it. A node whose join is at fault is kept out for a while.
//!
//! What comes of time alone, of a silence that is judged, say, may come only when a leadership is no longer careful. So
//! each time that care has ended too soon, the next lasts twice as long.

use std::time::Duration;

use super::{Aftermath, Caution, Poison};
use crate::{Epoch, NodeName};

/// How long a node is kept out whose join nobody could take.
pub const KEPT_OUT: Duration = Duration::from_secs(60);
/// Remembered at most.
const MAX_KEPT_OUT: usize = 64;
/// Care grows to this many times what it is at first: then it lasts most of an hour.
const MAX_PATIENCE: u32 = 1 << 10;
/// What went wrong so long ago does not make anybody patient.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3_600);

#[derive(Debug, Default)]
pub struct Suspicion {
    is_careful: bool,
    /// What the next take-over has to find the culprit of, and the epoch in which it went wrong.
    found: Option<(Epoch, Poison)>,
    /// When something went wrong last and it was not clear what was at fault.
    missed_at: Option<Duration>,
    caution: Caution,
}

impl Suspicion {
    /// True when the next leadership has to commit each event alone.
    pub fn is_careful(&self) -> bool {
        self.is_careful
    }

    /// A leadership has ended, on something that it could not take or for another reason. Gives the node that is kept out
    /// for it from now on.
    pub fn note(&mut self, now: Duration, epoch: Epoch, aftermath: Aftermath) -> Option<NodeName> {
        self.is_careful = aftermath.was_careful || aftermath.poison.is_some();
        let poison = aftermath.poison?;
        if !poison.alone {
            self.miss(now);
            return None;
        }
        self.missed_at = None;
        let node = poison.node_at_fault();
        if let Some(node) = &node {
            let kept_out = &mut self.caution.kept_out;
            kept_out.truncate(MAX_KEPT_OUT - 1);
            kept_out.insert(0, (node.clone(), now + KEPT_OUT));
        }
        self.found = Some((epoch, poison));
        node
    }

    fn miss(&mut self, now: Duration) {
        let before = self.missed_at.replace(now);
        let again = before.is_some_and(|before| now - before < FORGOTTEN_AFTER);
        self.caution.patience = if again {
            (self.caution.patience * 2).min(MAX_PATIENCE)
        } else {
            1
        };
    }

    /// For the leadership of this epoch. If another has led in between, the record is no longer the one that was meant.
    pub fn take_found(&mut self, epoch: Epoch) -> Option<Poison> {
        let (noted, poison) = self.found.take()?;
        (noted.0 + 1 == epoch.0).then_some(poison)
    }

    /// For the next leadership.
    pub fn caution(&self) -> Caution {
        self.caution.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        JobId,
        lead::{Room, What},
    };

    const NOW: Duration = Duration::from_secs(7);
    const JOB: JobId = JobId::from_u128(1);

    fn panicked(alone: bool, job: Option<JobId>, node: Option<&str>) -> Poison {
        Poison {
            alone,
            what: What::Panicked(job),
            caller: None,
            node: node.map(Into::into),
        }
    }

    fn left(was_careful: bool, poison: Option<Poison>) -> Aftermath {
        Aftermath {
            poison,
            was_careful,
            room: Room::default(),
        }
    }

    #[test]
    fn among_many_events_nobody_is_at_fault_yet() {
        let mut suspicion = Suspicion::default();
        let many = panicked(false, Some(JOB), None);
        assert_eq!(suspicion.note(NOW, Epoch(1), left(false, Some(many))), None);
        assert!(suspicion.is_careful());
        assert!(suspicion.take_found(Epoch(2)).is_none());
        let alone = panicked(true, Some(JOB), Some("n1"));
        assert_eq!(suspicion.note(NOW, Epoch(2), left(true, Some(alone))), None);
        let found = suspicion.take_found(Epoch(3)).unwrap();
        assert!(matches!(found.what, What::Panicked(Some(JOB))));
        assert!(suspicion.caution().kept_out.is_empty());
    }

    #[test]
    fn after_another_has_led_nothing_is_ended() {
        let mut suspicion = Suspicion::default();
        let alone = panicked(true, Some(JOB), None);
        suspicion.note(NOW, Epoch(1), left(true, Some(alone)));
        assert!(suspicion.take_found(Epoch(3)).is_none());
        assert!(suspicion.take_found(Epoch(2)).is_none(), "forgotten");
    }

    #[test]
    fn a_join_that_is_about_no_job_keeps_its_node_out() {
        let mut suspicion = Suspicion::default();
        let join = panicked(true, None, Some("n1"));
        let kept_out = suspicion.note(NOW, Epoch(1), left(true, Some(join)));
        assert_eq!(kept_out.as_deref(), Some("n1"));
        let kept_out = suspicion.caution().kept_out;
        assert_eq!(kept_out, [("n1".into(), NOW + KEPT_OUT)]);
    }

    #[test]
    fn care_is_carried_over_until_it_has_ended() {
        let mut suspicion = Suspicion::default();
        suspicion.note(NOW, Epoch(1), left(true, None));
        assert!(suspicion.is_careful());
        suspicion.note(NOW, Epoch(2), left(false, None));
        assert!(!suspicion.is_careful());
    }

    #[test]
    fn care_that_ended_too_soon_lasts_longer_the_next_time() {
        let mut suspicion = Suspicion::default();
        let miss = |suspicion: &mut Suspicion, now| {
            suspicion.note(
                now,
                Epoch(1),
                left(false, Some(panicked(false, None, None))),
            );
            suspicion.caution().patience
        };
        let often: Vec<u32> = (0..12).map(|_| miss(&mut suspicion, NOW)).collect();
        assert_eq!(often[..4], [1, 2, 4, 8]);
        assert_eq!(often.last(), Some(&MAX_PATIENCE));
        let much_later = NOW + FORGOTTEN_AFTER;
        assert_eq!(miss(&mut suspicion, much_later), 1);
        assert_eq!(miss(&mut suspicion, much_later), 2);
        let alone = panicked(true, Some(JOB), None);
        suspicion.note(much_later, Epoch(2), left(true, Some(alone)));
        assert_eq!(miss(&mut suspicion, much_later), 1);
    }
}
