//! How careful a leadership is: with one commit per event, while it is not known which one cannot be taken.

use std::time::Duration;

use crate::NodeName;

/// Care ends after so many commits without trouble, or after so long.
const QUIET_TURNS: u32 = 256;
const QUIET_TIME: Duration = Duration::from_secs(3);

/// What a leadership has to beware of.
#[derive(Clone, Debug)]
pub struct Caution {
    /// Care lasts so many times as long as the first time.
    pub patience: u32,
    /// Nodes whose join nobody could take, each until some moment.
    pub kept_out: Vec<(NodeName, Duration)>,
}

impl Default for Caution {
    fn default() -> Self {
        Self {
            patience: 1,
            kept_out: Vec::new(),
        }
    }
}

#[derive(Debug)]
pub(super) struct Care {
    /// `None`: not at all.
    since: Option<Duration>,
    quiet_turns: u32,
    caution: Caution,
}

impl Care {
    pub(super) fn new(since: Option<Duration>, caution: Caution) -> Self {
        Self {
            since,
            quiet_turns: 0,
            caution,
        }
    }

    pub(super) fn is_taken(&self) -> bool {
        self.since.is_some()
    }

    /// A commit has succeeded.
    pub(super) fn relax(&mut self, now: Duration) {
        let Some(since) = self.since else {
            return;
        };
        self.quiet_turns += 1;
        let patience = self.caution.patience;
        let is_quiet = self.quiet_turns >= QUIET_TURNS * patience;
        if is_quiet || now.saturating_sub(since) >= QUIET_TIME * patience {
            self.since = None;
        }
    }

    pub(super) fn keeps_out(&mut self, now: Duration, node: &NodeName) -> bool {
        let kept_out = &mut self.caution.kept_out;
        kept_out.retain(|(_, until)| *until > now);
        kept_out.iter().any(|(kept, _)| kept == node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(50);

    #[test]
    fn care_ends_when_nothing_goes_wrong() {
        let mut care = Care::new(Some(START), Caution::default());
        for _ in 1..QUIET_TURNS {
            care.relax(START);
        }
        assert!(care.is_taken());
        care.relax(START);
        assert!(!care.is_taken());
    }

    #[test]
    fn care_ends_after_a_while() {
        let mut care = Care::new(Some(START), Caution::default());
        care.relax(START + QUIET_TIME / 2);
        assert!(care.is_taken());
        care.relax(START + QUIET_TIME);
        assert!(!care.is_taken());
    }

    #[test]
    fn who_is_patient_takes_care_for_longer() {
        let caution = Caution {
            patience: 4,
            ..Caution::default()
        };
        let mut care = Care::new(Some(START), caution);
        for _ in 1..QUIET_TURNS * 4 {
            care.relax(START + QUIET_TIME);
        }
        assert!(care.is_taken());
        care.relax(START + QUIET_TIME);
        assert!(!care.is_taken());
    }

    #[test]
    fn nodes_are_kept_out_for_a_while() {
        let until = START + QUIET_TIME;
        let caution = Caution {
            kept_out: vec![("n1".into(), until)],
            ..Caution::default()
        };
        let mut care = Care::new(None, caution);
        assert!(care.keeps_out(START, &"n1".into()));
        assert!(!care.keeps_out(START, &"n2".into()));
        assert!(!care.keeps_out(until, &"n1".into()));
    }
}
