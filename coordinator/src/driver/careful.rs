//! One event per commit, while it is not known which one cannot be taken.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use drover_model::{CallerId, Event, NodeName, Report, ReportBatch};

use super::{
    lead::Leader,
    suspicion::{Poison, What},
};
use crate::inbox::{Control, Inbox};

/// Care ends after so many commits without trouble, or after so long.
const QUIET_TURNS: u32 = 256;
const QUIET_TIME: Duration = Duration::from_secs(3);
/// Events without effects that are stepped before the lanes are looked at again.
const BATCH: usize = 128;

/// How careful a leadership is.
#[derive(Debug)]
pub(super) struct Care {
    /// `None`: not at all.
    since: Option<Instant>,
    quiet_turns: u32,
    kept_out: Vec<(NodeName, Instant)>,
}

impl Care {
    pub(super) fn new(careful: bool, kept_out: Vec<(NodeName, Instant)>) -> Self {
        Self {
            since: careful.then(Instant::now),
            quiet_turns: 0,
            kept_out,
        }
    }

    /// A commit has succeeded.
    pub(super) fn relax(&mut self) {
        let Some(since) = self.since else {
            return;
        };
        self.quiet_turns += 1;
        if self.quiet_turns >= QUIET_TURNS || since.elapsed() >= QUIET_TIME {
            tracing::info!(
                turns = self.quiet_turns,
                "nothing went wrong again; events are committed together"
            );
            self.since = None;
        }
    }

    pub(super) fn keeps_out(&mut self, node: &NodeName) -> bool {
        let now = Instant::now();
        self.kept_out.retain(|(_, until)| *until > now);
        self.kept_out.iter().any(|(kept, _)| kept == node)
    }
}

/// What a turn is made of, as far as it has to be told apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Stepped {
    events: u32,
    /// Of the last event.
    caller: Option<CallerId>,
    node: Option<NodeName>,
    /// The last event has not come to its end.
    is_stepping: bool,
}

impl Stepped {
    pub(super) fn begin(&mut self, event: &Event) {
        self.events += 1;
        self.caller = caller(event);
        self.node = match event {
            Event::Join { join, .. } => Some(NodeName::clone(&join.node)),
            _ => None,
        };
        self.is_stepping = true;
    }

    pub(super) fn end(&mut self) {
        self.is_stepping = false;
    }

    /// The store refused a turn that was made of this.
    pub(super) fn refused(&self, what: What) -> Poison {
        let alone = self.events <= 1;
        Poison {
            alone,
            what,
            caller: self.caller.filter(|_| alone),
            node: self.node.clone().filter(|_| alone),
        }
    }
}

/// Something that is stepped alone.
#[derive(Debug)]
pub(super) enum Unit {
    Recover { node: NodeName, report: Report },
    Control(Control),
}

impl Leader {
    pub(super) fn is_careful(&self) -> bool {
        self.care.since.is_some()
    }

    /// Steps until there is something to commit: what agents say, then what is due, then one placement, then requests.
    pub(super) fn step_one(&mut self, inbox: &mut Inbox) {
        for _ in 0..BATCH {
            if !self.turn.effects().is_empty() {
                return;
            }
            if let Some(unit) = self.units.pop_front() {
                self.step_unit(unit);
            } else if let Ok(message) = inbox.control.try_recv() {
                self.take_control(message);
            } else if self.is_timer_due() {
                self.tick();
            } else if self.cluster.wants_dispatch() {
                let decision = self.cluster.decide(self.clock.now());
                self.step(Event::Dispatch(decision));
            } else if let Ok(request) = inbox.requests.try_recv() {
                self.take_request(request);
            } else {
                return;
            }
        }
    }

    fn step_unit(&mut self, unit: Unit) {
        match unit {
            Unit::Recover { node, report } => self.step(Event::Recover { node, report }),
            Unit::Control(message) => self.step_control(message),
        }
    }

    /// Several reports in one message become several units.
    pub(super) fn divide(&mut self, message: Control) {
        divide(message, &mut self.units);
    }

    /// What the step that has just panicked was about.
    pub(super) fn panicked(&self) -> Poison {
        let stepping = Some(&self.stepped).filter(|stepped| stepped.is_stepping);
        Poison {
            alone: self.is_careful(),
            what: What::Panicked(self.cluster.at_work()),
            caller: stepping.and_then(|stepped| stepped.caller),
            node: stepping.and_then(|stepped| stepped.node.clone()),
        }
    }
}

fn divide(message: Control, units: &mut VecDeque<Unit>) {
    match message {
        Control::Join {
            session,
            mut join,
            connection,
        } => {
            for report in std::mem::take(&mut join.reports.reports) {
                let node = NodeName::clone(&join.node);
                units.push_back(Unit::Recover { node, report });
            }
            units.push_back(Unit::Control(Control::Join {
                session,
                join,
                connection,
            }));
        }
        Control::Reports { session, batch } => {
            let count = batch.reports.len() as u64;
            for (place, report) in (1..).zip(batch.reports) {
                let batch = ReportBatch {
                    sequence: (batch.sequence + place).saturating_sub(count),
                    reports: vec![report],
                };
                units.push_back(Unit::Control(Control::Reports { session, batch }));
            }
        }
        Control::Left { .. } => units.push_back(Unit::Control(message)),
    }
}

fn caller(event: &Event) -> Option<CallerId> {
    match event {
        Event::Submit { caller, .. }
        | Event::Cancel { caller, .. }
        | Event::SetQueue { caller, .. }
        | Event::Ask { caller, .. } => Some(*caller),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use drover_model::{AttemptKey, JobId, ReportKind, SessionId, Timestamp};

    use super::*;

    fn report(task: u32) -> Report {
        Report {
            key: AttemptKey {
                job: JobId::from_u128(1),
                task,
                attempt: 1,
            },
            what: ReportKind::Started { at: Timestamp(1) },
        }
    }

    #[test]
    fn reports_are_divided_and_keep_their_numbers() {
        let mut units = VecDeque::new();
        let message = Control::Reports {
            session: SessionId(1),
            batch: ReportBatch {
                sequence: 9,
                reports: vec![report(0), report(1), report(2)],
            },
        };
        divide(message, &mut units);
        let numbers: Vec<u64> = units
            .iter()
            .map(|unit| match unit {
                Unit::Control(Control::Reports { batch, .. }) => batch.sequence,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(numbers, [7, 8, 9]);
    }

    #[test]
    fn care_ends_when_nothing_goes_wrong() {
        let mut care = Care::new(true, Vec::new());
        for _ in 1..QUIET_TURNS {
            care.relax();
        }
        assert!(care.since.is_some());
        care.relax();
        assert!(care.since.is_none());
    }

    #[test]
    fn only_a_lone_event_names_its_caller() {
        let ask = |caller| Event::Ask {
            caller: CallerId(caller),
            question: drover_model::Question::Nodes,
        };
        let mut stepped = Stepped::default();
        stepped.begin(&ask(1));
        stepped.end();
        let what = What::Panicked(None);
        assert_eq!(stepped.refused(what.clone()).caller, Some(CallerId(1)));
        stepped.begin(&ask(2));
        stepped.end();
        let poison = stepped.refused(what);
        assert_eq!((poison.alone, poison.caller), (false, None));
    }
}
