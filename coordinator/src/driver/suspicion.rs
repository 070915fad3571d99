//! What is known of events that the model or the store could not take. Outlives leaderships.
//!
//! The first time something goes wrong, many events may be at fault: the next leadership is careful, and commits each
//! alone. What goes wrong then names its own job, which is ended in the record before the next load, so that others can go
//! on without it. A node whose join is at fault is kept out for a while.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use drover_model::{CallerId, Epoch, JobId, NodeName, turn::SealedTurn};

/// How long a node is kept out whose join nobody could take.
const KEPT_OUT: Duration = Duration::from_secs(60);
/// Remembered at most.
const MAX_KEPT_OUT: usize = 64;

/// Something went wrong that would go wrong again.
#[derive(Clone, Debug)]
pub(super) struct Poison {
    /// True when nothing but one event can be at fault.
    pub(super) alone: bool,
    pub(super) what: What,
    /// Who asked for it, if that is known.
    pub(super) caller: Option<CallerId>,
    /// The node that a step was about.
    pub(super) node: Option<NodeName>,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    /// A step panicked; on this job, if on any.
    Panicked(Option<JobId>),
    /// The store refused these rows.
    Refused(Arc<SealedTurn>),
}

impl Poison {
    pub(super) fn reason(&self) -> &'static str {
        match self.what {
            What::Panicked(_) => "the scheduler failed on it",
            What::Refused(_) => "the store refused what was to be written of it",
        }
    }
}

/// Kept by the driver.
#[derive(Debug, Default)]
pub(crate) struct Suspicion {
    /// The next leadership commits each event alone.
    pub(super) careful: bool,
    /// What the next take-over has to find the culprit of, and the epoch in which it went wrong.
    found: Option<(Epoch, Poison)>,
    kept_out: Vec<(NodeName, Instant)>,
}

impl Suspicion {
    /// Something went wrong: be careful, and act if it is clear what was at fault.
    pub(super) fn note(&mut self, epoch: Epoch, poison: Poison) {
        self.careful = true;
        if !poison.alone {
            return;
        }
        if let Some(node) = poison.node_at_fault() {
            self.keep_out(node);
        }
        self.found = Some((epoch, poison));
    }

    /// For the leadership of this epoch. If another has led in between, the record is no longer the one that was meant.
    pub(super) fn take_found(&mut self, epoch: Epoch) -> Option<Poison> {
        let (noted, poison) = self.found.take()?;
        (noted.0 + 1 == epoch.0).then_some(poison)
    }

    fn keep_out(&mut self, node: NodeName) {
        tracing::error!(%node, for_how_long = ?KEPT_OUT, "a node is kept out: its join cannot be taken");
        self.kept_out.truncate(MAX_KEPT_OUT - 1);
        self.kept_out.insert(0, (node, Instant::now() + KEPT_OUT));
    }

    pub(super) fn kept_out(&self) -> Vec<(NodeName, Instant)> {
        let now = Instant::now();
        let counts = |kept: &&(NodeName, Instant)| kept.1 > now;
        self.kept_out.iter().filter(counts).cloned().collect()
    }
}

impl Poison {
    /// The node, if no job can be at fault.
    fn node_at_fault(&self) -> Option<NodeName> {
        match &self.what {
            What::Panicked(None) => self.node.clone(),
            What::Refused(sealed) if sealed.jobs.is_empty() && sealed.attempts.is_empty() => {
                sealed.nodes.first().map(|row| row.name.clone())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panicked(alone: bool, job: Option<JobId>, node: Option<&str>) -> Poison {
        Poison {
            alone,
            what: What::Panicked(job),
            caller: None,
            node: node.map(Into::into),
        }
    }

    #[test]
    fn among_many_events_nobody_is_at_fault_yet() {
        let mut suspicion = Suspicion::default();
        suspicion.note(Epoch(1), panicked(false, Some(JobId::from_u128(1)), None));
        assert!(suspicion.careful);
        assert!(suspicion.take_found(Epoch(2)).is_none());
        suspicion.note(
            Epoch(2),
            panicked(true, Some(JobId::from_u128(1)), Some("n1")),
        );
        let found = suspicion.take_found(Epoch(3)).unwrap();
        assert!(matches!(found.what, What::Panicked(Some(job)) if job == JobId::from_u128(1)));
        assert!(suspicion.kept_out().is_empty());
    }

    #[test]
    fn after_another_has_led_nothing_is_ended() {
        let mut suspicion = Suspicion::default();
        suspicion.note(Epoch(1), panicked(true, Some(JobId::from_u128(1)), None));
        assert!(suspicion.take_found(Epoch(3)).is_none());
        assert!(suspicion.take_found(Epoch(2)).is_none(), "forgotten");
    }

    #[test]
    fn a_join_that_is_about_no_job_keeps_its_node_out() {
        let mut suspicion = Suspicion::default();
        suspicion.note(Epoch(1), panicked(true, None, Some("n1")));
        let kept_out = suspicion.kept_out();
        assert_eq!(&*kept_out[0].0, "n1");
    }
}
