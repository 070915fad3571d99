//! What a leader does in one step, before any of it is durable.

use drover_model::{
    Action, Answer, AttemptKey, AttemptRow, AttemptState, Epoch, Event, JobId, JobRow, NodeName,
    NodeRow, Outcome, Question, Report, ReportKind, Timestamp,
};

use super::{
    Checker,
    view::{View, first_of},
};
use crate::faults::occasion::Occasion;

/// What the step under way is about, as far as its effects are judged by that.
#[derive(Clone, Debug)]
pub(super) enum Stepped {
    Tick,
    Dispatch,
    Explain {
        job: JobId,
        task: u32,
    },
    /// With what there is to count.
    Change(NodeName, Occasion),
    Other,
}

/// What a step has added to the open turn.
#[derive(Clone, Copy, Debug)]
pub struct Added<'a> {
    pub jobs: &'a [JobRow],
    pub attempts: &'a [AttemptRow],
    pub nodes: &'a [NodeRow],
    pub actions: &'a [Action],
}

impl Checker {
    /// A coordinator steps an event at this model time.
    pub fn steps(&mut self, coordinator: usize, epoch: Epoch, now: Timestamp, event: &Event) {
        let before = self.stepped.insert(coordinator, (epoch, now));
        if let Some((_, before)) = before.filter(|(before, _)| *before == epoch) {
            self.require(now >= before, "model time never goes back", || {
                format!("coordinator {coordinator}: {now:?} after {before:?}")
            });
        }
        if matches!(event, Event::Tick) {
            self.ticked.insert(coordinator, (epoch, now));
        }
        self.stepping = stepped(event);
        self.reported.clear();
        self.reported.extend(reports(event).iter().filter_map(end));
        self.preemptions = match event {
            Event::Dispatch(decision) => decision.preemptions.clone(),
            _ => Vec::new(),
        };
        let claims = self.preemptions.iter();
        self.claims
            .extend(claims.map(|claim| (claim.job, claim.task)));
        if let Some(view) = &mut self.views[coordinator] {
            view.hear(now, event);
        }
    }

    /// What this step has added to the open turn.
    pub fn stepped(&mut self, coordinator: usize, added: Added<'_>) {
        for row in added.jobs {
            self.submitted(row);
        }
        for row in added.attempts {
            self.given_up(row, coordinator);
            self.note_loss(row, coordinator);
        }
        let placed: Vec<&AttemptRow> = added.attempts.iter().filter(|row| is_placed(row)).collect();
        for row in &placed {
            self.is_not_quarantined(row, coordinator);
        }
        self.urgent_first(&placed, coordinator);
        let (epoch, now) = self.last_step(coordinator);
        let view = self.views[coordinator].take();
        if let Some(mut view) = view.filter(|view| view.epoch == epoch) {
            let ticked = self.last_tick(coordinator, epoch);
            self.judge(&mut view, now, ticked, added);
            self.views[coordinator] = Some(view);
        }
    }

    /// By what the leadership knew.
    fn judge(&mut self, view: &mut View, now: Timestamp, ticked: Timestamp, added: Added<'_>) {
        let placed = added.attempts.iter().filter(|row| is_placed(row));
        self.gangs_placed(view, &placed.collect::<Vec<_>>());
        for row in added.attempts {
            if is_placed(row) {
                self.may_be_there(view, row);
            }
            if matches!(self.stepping, Stepped::Dispatch) {
                self.makes_room(row, now, ticked);
            }
            self.count_drained(view, row);
            self.note_given_up(row);
            let mut first = row.key.task;
            if let Some(job) = self.planned(row.key.job) {
                self.costs_nothing(&job.spec, row);
                self.keeps_its_retries(view, &job.spec, row, added.jobs);
                first = first_of(&job.spec, first);
            }
            view.note_attempt(first, row);
        }
        self.nobody_stops_in_vain(view);
        for row in added.jobs {
            view.note_job(row);
        }
        self.nodes_recorded(view, added.nodes);
        if matches!(self.stepping, Stepped::Tick) {
            self.drains_in_time(view, now);
        }
        for action in added.actions {
            if let Action::Reply { answer, .. } = action {
                self.answered(view, answer);
            }
        }
    }

    fn answered(&mut self, view: &View, answer: &Answer) {
        match (self.stepping.clone(), answer) {
            (Stepped::Change(node, occasion), answer) => {
                self.operator_answered(view, &node, answer);
                self.occasions.push(occasion);
            }
            (
                Stepped::Explain { job, task },
                Answer::Explained {
                    task: Some(explanation),
                    ..
                },
            ) => self.explained(view, job, task, explanation),
            (_, Answer::Nodes(nodes)) => self.all_told_of(view, nodes),
            _ => {}
        }
    }

    /// The last that saw to timers in that leadership.
    pub(super) fn last_tick(&self, coordinator: usize, epoch: Epoch) -> Timestamp {
        let ticked = self.ticked.get(&coordinator);
        let ticked = ticked.filter(|(of, _)| *of == epoch);
        ticked.map_or_else(Timestamp::default, |(_, at)| *at)
    }

    /// Of its leadership, and when.
    pub(super) fn last_step(&self, coordinator: usize) -> (Epoch, Timestamp) {
        let last = self.stepped.get(&coordinator).copied();
        last.unwrap_or_default()
    }
}

fn stepped(event: &Event) -> Stepped {
    match event {
        Event::Tick => Stepped::Tick,
        Event::Dispatch(_) => Stepped::Dispatch,
        Event::Ask {
            question: Question::Explain { job, task },
            ..
        } => Stepped::Explain {
            job: *job,
            task: *task,
        },
        Event::ChangeNode { node, change, .. } => {
            Stepped::Change(node.clone(), Occasion::of_change(change))
        }
        _ => Stepped::Other,
    }
}

fn reports(event: &Event) -> &[Report] {
    match event {
        Event::Reports { batch, .. } => &batch.reports,
        Event::Join { join, .. } => &join.reports.reports,
        Event::Recover { report, .. } => std::slice::from_ref(report),
        _ => &[],
    }
}

fn end(report: &Report) -> Option<(AttemptKey, Outcome)> {
    match report.what {
        ReportKind::Ended { outcome, .. } => Some((report.key, outcome)),
        ReportKind::Started { .. } => None,
    }
}

/// What a replay carries over is recorded as it ended.
fn is_placed(row: &AttemptRow) -> bool {
    row.from.is_none() && row.state == AttemptState::Assigned
}
