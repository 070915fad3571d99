//! What a turn did, in words.

use std::fmt::Write as _;

use drover_model::{
    Action, Answer, AttemptKey, AttemptRow, AttemptState, CallerId, Event, JobId, JobRow, Question,
    Refusal, SessionId,
};

use super::Interpreter;
use crate::support::Turned;

impl Interpreter {
    pub(super) fn show(&mut self, job: &str) -> String {
        let question = Question::Job(self.jobs[job].0);
        let event = Event::Ask {
            caller: CallerId(2),
            question,
        };
        let turned = self.world.turn([event]);
        let names = &self.jobs[job].1;
        let mut text = String::new();
        for action in turned.actions {
            let Action::Reply {
                answer: Answer::Job(view),
                ..
            } = action
            else {
                continue;
            };
            let Some(view) = view else {
                return "not open\n".to_owned();
            };
            for (task, name) in view.tasks.iter().zip(names) {
                let _ = write!(text, "{name}: {}", task.state);
                if let Some(pending) = &task.pending {
                    let _ = write!(text, ", {pending:?}");
                }
                text.push('\n');
            }
        }
        text
    }

    pub(super) fn show_nodes(&mut self) -> String {
        let event = Event::Ask {
            caller: CallerId(2),
            question: Question::Nodes,
        };
        let turned = self.world.turn([event]);
        let mut text = String::new();
        for action in turned.actions {
            if let Action::Reply {
                answer: Answer::Nodes(nodes),
                ..
            } = action
            {
                for node in nodes {
                    let _ = writeln!(
                        text,
                        "{}: {}, losses {}",
                        node.name, node.state, node.losses
                    );
                }
            }
        }
        let lost = self.world.cluster.counters().lost_nodes;
        let _ = writeln!(text, "given up: {lost}");
        text
    }

    pub(super) fn describe(&self, turned: &Turned) -> String {
        let mut text = String::new();
        for row in &turned.rows.jobs {
            self.describe_job(row, &mut text);
        }
        for row in &turned.rows.attempts {
            self.describe_attempt(row, &mut text);
        }
        for row in &turned.rows.nodes {
            let _ = writeln!(text, "node {} joined", row.name);
        }
        for row in &turned.rows.policy_events {
            let from = row.from.as_deref().unwrap_or("nothing");
            let _ = writeln!(text, "policy {from} -> {} ({})", row.to, row.kind);
        }
        for action in &turned.actions {
            self.describe_action(action, &mut text);
        }
        text
    }

    fn describe_job(&self, row: &JobRow, text: &mut String) {
        let from = row.from.map_or("new", |state| state.as_str());
        let _ = writeln!(
            text,
            "job {}: {from} -> {} ({})",
            self.job_name(row.id),
            row.state,
            row.intent
        );
    }

    fn describe_attempt(&self, row: &AttemptRow, text: &mut String) {
        let from = row.from.map_or("new", |state| state.as_str());
        let _ = write!(
            text,
            "{}: {from} -> {}",
            self.attempt_name(row.key),
            row.state
        );
        if row.from.is_none() && row.state != AttemptState::Expired {
            let decision = row.decision.as_deref().expect("an attempt has its reason");
            let _ = write!(text, " on {} by {decision}", row.node);
        }
        if let Some(message) = &row.message {
            let _ = write!(text, ", {message}");
        }
        if let Some(at) = row.retry_at {
            let _ = write!(text, ", again in {} ms", at.since(self.world.now));
        }
        text.push('\n');
    }

    fn describe_action(&self, action: &Action, text: &mut String) {
        let name = |session: SessionId| {
            let known = self.nodes.iter().find(|(_, node)| node.0 == session);
            known.map_or("an old session", |(name, _)| name)
        };
        let _ = match action {
            Action::Assign {
                session,
                assignment,
            } => {
                writeln!(
                    text,
                    "assign {} to {}",
                    self.attempt_name(assignment.key),
                    name(*session)
                )
            }
            Action::Stop { session, key, .. } => writeln!(
                text,
                "stop {} on {}",
                self.attempt_name(*key),
                name(*session)
            ),
            Action::Close { session, reason } => {
                writeln!(text, "close {}: {reason:?}", name(*session))
            }
            Action::Welcome { discard, .. } if discard.is_empty() => Ok(()),
            Action::Welcome { session, discard } => {
                let keys: Vec<String> = discard.iter().map(|key| self.attempt_name(*key)).collect();
                writeln!(text, "discard {} on {}", keys.join(" "), name(*session))
            }
            Action::Reply {
                answer: Answer::Refused(refusal),
                ..
            } => match refusal {
                Refusal::Impossible { reason, .. } => {
                    writeln!(text, "refused: {refusal}: {reason:?}")
                }
                _ => writeln!(text, "refused: {refusal}"),
            },
            Action::Reply {
                answer: Answer::Submitted(jobs),
                ..
            } if jobs.iter().any(|job| job.duplicate) => {
                writeln!(text, "duplicate of {}", self.job_name(jobs[0].job))
            }
            Action::Reply { .. } | Action::Ack { .. } => Ok(()),
        };
    }

    fn job_name(&self, id: JobId) -> &str {
        let known = self.jobs.iter().find(|(_, job)| job.0 == id);
        known.map_or("?", |(name, _)| name)
    }

    fn attempt_name(&self, key: AttemptKey) -> String {
        let job = self.job_name(key.job);
        let tasks = &self.jobs[job].1;
        let undo = if key.task as usize >= tasks.len() {
            "~"
        } else {
            ""
        };
        let name = &tasks[key.task as usize % tasks.len()];
        format!("{job}/{undo}{name}#{}", key.attempt)
    }
}
