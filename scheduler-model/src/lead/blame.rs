//! What may be at fault when a step panics or the store refuses a turn.

use std::sync::Arc;

use super::Lead;
use crate::{CallerId, Event, JobId, NodeName, turn::SealedTurn};

/// Something went wrong that would go wrong again.
#[derive(Clone, Debug)]
pub struct Poison {
    /// True when nothing but one event can be at fault.
    pub alone: bool,
    pub what: What,
    /// Who asked for it, if that is known.
    pub caller: Option<CallerId>,
    /// The node that joined in it.
    pub node: Option<NodeName>,
}

#[derive(Clone, Debug)]
pub enum What {
    /// A step panicked; on this job, if on any.
    Panicked(Option<JobId>),
    /// The store refused these rows.
    Refused(Arc<SealedTurn>),
}

impl Poison {
    /// For people.
    pub fn reason(&self) -> &'static str {
        match self.what {
            What::Panicked(_) => "the scheduler failed on it",
            What::Refused(_) => "the store refused what was to be written of it",
        }
    }

    /// The node, if no job can be at fault.
    pub(super) fn node_at_fault(&self) -> Option<NodeName> {
        match &self.what {
            What::Panicked(None) => self.node.clone(),
            What::Refused(sealed) if sealed.jobs.is_empty() && sealed.attempts.is_empty() => {
                sealed.nodes.first().map(|row| row.name.clone())
            }
            _ => None,
        }
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
        self.is_stepping = true;
        // Signs of life write no rows: nothing can be refused for them.
        if matches!(event, Event::Heard(_)) {
            return;
        }
        self.events += 1;
        self.caller = caller(event);
        self.node = match event {
            Event::Join { join, .. } => Some(NodeName::clone(&join.node)),
            _ => None,
        };
    }

    pub(super) fn end(&mut self) {
        self.is_stepping = false;
    }

    /// The store refused a turn that was made of this.
    fn refused(&self, what: What) -> Poison {
        let alone = self.events <= 1;
        Poison {
            alone,
            what,
            caller: self.caller.filter(|_| alone),
            node: self.node.clone().filter(|_| alone),
        }
    }
}

impl<Connection> Lead<Connection> {
    /// What the leadership that has just panicked was about.
    pub(super) fn panicked(&self) -> Poison {
        let stepping = Some(&self.stepped).filter(|stepped| stepped.is_stepping);
        Poison {
            alone: self.is_careful(),
            what: What::Panicked(self.cluster.at_work()),
            caller: stepping.and_then(|stepped| stepped.caller),
            node: stepping.and_then(|stepped| stepped.node.clone()),
        }
    }

    /// What the store has refused. `None` if it has been sent nothing.
    pub(super) fn refused(&self) -> Option<Poison> {
        let sealed = Arc::clone(self.sealed()?);
        Some(self.flight.stepped.refused(What::Refused(sealed)))
    }
}

fn caller(event: &Event) -> Option<CallerId> {
    match event {
        Event::Submit { caller, .. }
        | Event::Cancel { caller, .. }
        | Event::SetQueue { caller, .. }
        | Event::Ask { caller, .. } => Some(*caller),
        Event::UsePolicy { caller, .. } => *caller,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Question;

    #[test]
    fn only_a_lone_event_names_its_caller() {
        let ask = |caller| Event::Ask {
            caller: CallerId(caller),
            question: Question::Nodes,
        };
        let mut stepped = Stepped::default();
        stepped.begin(&ask(1));
        stepped.end();
        stepped.begin(&Event::Heard(Vec::new()));
        stepped.end();
        let what = What::Panicked(None);
        assert_eq!(stepped.refused(what.clone()).caller, Some(CallerId(1)));
        stepped.begin(&ask(2));
        stepped.end();
        let poison = stepped.refused(what);
        assert_eq!((poison.alone, poison.caller), (false, None));
    }
}
