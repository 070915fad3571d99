//! From what arrives to events.

use std::{collections::VecDeque, time::Duration};

use super::Lead;
use crate::{
    CallerId, Cancellation, Event, Heard, JobId, Join, NewJob, NodeChange, NodeName, PolicySwitch,
    Question, QueueRow, Report, ReportBatch, SessionId, TaskSpec, TurnNumber,
};

/// From agents: never shed.
#[derive(Debug)]
pub enum Control<Connection> {
    Join {
        session: SessionId,
        join: Box<Join>,
        connection: Connection,
    },
    Reports {
        session: SessionId,
        batch: ReportBatch,
    },
    Leaving {
        session: SessionId,
    },
    Left {
        session: SessionId,
    },
}

/// What a caller wants of the model.
#[derive(Debug)]
pub enum Wish {
    Submit {
        jobs: Vec<NewJob>,
        looked_up: TurnNumber,
    },
    Cancel {
        job: JobId,
        how: Cancellation,
        reason: Box<str>,
    },
    SetQueue(QueueRow),
    UsePolicy(Box<PolicySwitch>),
    ChangeNode {
        node: NodeName,
        change: NodeChange,
    },
    Ask(Question),
}

impl Wish {
    /// Size of the specs that it brings, with all instances: what is stored of them is short.
    pub fn spec_bytes(&self) -> usize {
        let Self::Submit { jobs, .. } = self else {
            return 0;
        };
        let bytes = jobs.iter().map(|job| {
            let instances = job.spec.groups.iter().map(|group| group.count as usize);
            job.stored_spec.len() + instances.sum::<usize>() * size_of::<TaskSpec>()
        });
        bytes.sum()
    }

    pub fn into_event(self, caller: CallerId) -> Event {
        match self {
            Self::Submit { jobs, looked_up } => Event::Submit {
                caller,
                jobs,
                looked_up,
            },
            Self::Cancel { job, how, reason } => Event::Cancel {
                caller,
                job,
                how,
                reason,
            },
            Self::SetQueue(queue) => Event::SetQueue { caller, queue },
            Self::UsePolicy(switch) => Event::UsePolicy {
                caller: Some(caller),
                switch,
            },
            Self::ChangeNode { node, change } => Event::ChangeNode {
                caller,
                node,
                change,
            },
            Self::Ask(question) => Event::Ask { caller, question },
        }
    }
}

/// What becomes of an agent's message.
#[derive(Debug)]
pub enum Admission<Connection> {
    /// It is stepped now.
    Step(Control<Connection>),
    /// It has to wait until it is stepped alone.
    Later,
    /// Nobody could take this node's join.
    KeptOut(Connection),
}

/// Something that is stepped alone.
#[derive(Debug)]
pub(super) enum Unit<Connection> {
    Recover { node: NodeName, report: Report },
    Control(Control<Connection>),
}

impl<Connection> Lead<Connection> {
    /// An agent's message has been taken.
    pub fn admit(&mut self, now: Duration, message: Control<Connection>) -> Admission<Connection> {
        match message {
            Control::Join {
                join, connection, ..
            } if self.care.keeps_out(now, &join.node) => Admission::KeptOut(connection),
            message if self.is_careful() => {
                divide(message, &mut self.units);
                Admission::Later
            }
            message => Admission::Step(message),
        }
    }

    /// Of agents whose join still waits to be stepped alone.
    pub fn waiting_connections(&self) -> impl Iterator<Item = &Connection> {
        self.units.iter().filter_map(|unit| match unit {
            Unit::Control(Control::Join { connection, .. }) => Some(connection),
            _ => None,
        })
    }
}

/// Signs of life as an event, if there are any.
pub fn heard(heard: Vec<Heard>) -> Option<Event> {
    (!heard.is_empty()).then_some(Event::Heard(heard))
}

/// What is due, after the last signs of life: one that was acknowledged has prolonged its agent's lease, and has to be
/// known before a silence is judged.
pub fn tick(last_signs: Vec<Heard>) -> impl Iterator<Item = Event> {
    heard(last_signs).into_iter().chain([Event::Tick])
}

/// The end of a session, after the last signs of life: its own may have been acknowledged.
pub fn left(session: SessionId, last_signs: Vec<Heard>) -> impl Iterator<Item = Event> {
    heard(last_signs)
        .into_iter()
        .chain([Event::Left { session }])
}

/// Several reports in one message become several units.
fn divide<Connection>(message: Control<Connection>, units: &mut VecDeque<Unit<Connection>>) {
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
        Control::Leaving { .. } | Control::Left { .. } => units.push_back(Unit::Control(message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AttemptKey, ReportKind, Timestamp};

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
        let message: Control<()> = Control::Reports {
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
}
