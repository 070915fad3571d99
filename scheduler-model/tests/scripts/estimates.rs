//! Words about run times and what was learned of them.

use std::{fmt::Write as _, hash::Hasher as _};

use drover_model::{Action, Answer, CallerId, Event, Expected, Question};

use super::{Interpreter, options::Options};

/// `estimate=` is what a user says. Equal work has the same `work=`, and is then not said anything of unless it is.
pub(super) fn expected(options: &Options<'_>, text: &str) -> Expected {
    let stated_ms = options.seconds("estimate");
    let default_ms = stated_ms.unwrap_or(60_000);
    match options.get("work") {
        Some(_) => Expected {
            stated_ms,
            default_ms,
            signature: options.number("work", 0),
            wide_signature: 1_000,
        },
        None => Expected {
            stated_ms: Some(default_ms),
            default_ms,
            signature: signature(text),
            wide_signature: 1_001,
        },
    }
}

fn signature(text: &str) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

impl Interpreter {
    /// `runs TIMES node=NODE takes=SECONDS work=N`: so many jobs run there, one after the other.
    pub(super) fn runs(&mut self, rest: &str) -> String {
        let (times, rest) = rest.split_once(' ').expect("runs TIMES options");
        let options = Options::parse(rest.split(' '));
        let number = |key| options.get(key).expect("node, takes and work");
        let (node, takes, work) = (number("node"), number("takes"), number("work"));
        let others = self.nodes.keys().filter(|name| *name != node);
        let others: Vec<&str> = others.map(String::as_str).collect();
        let task = format!("t work={work} avoid={}", others.join(","));
        for time in 0..times.parse().expect("a number") {
            let name = format!("run{}-{time}", self.world.now.0);
            self.run(&format!("submit {name}: {task}"));
            self.run(&format!("start {name}/t"));
            self.run(&format!("wait {takes}"));
            self.run(&format!("finish {name}/t ok"));
        }
        String::new()
    }

    /// `estimates JOB`: how long its tasks are expected to run.
    pub(super) fn estimates(&mut self, job: &str) -> String {
        let (id, names) = self.jobs[job].clone();
        let mut text = String::new();
        if let Some(Answer::Job(Some(view))) = self.ask(Question::Job(id)) {
            for (task, name) in view.tasks.iter().zip(names) {
                let estimate = task.estimate.expect("a task that runs");
                let _ = writeln!(
                    text,
                    "{name}: {:?}, {} ms, at most {} ms, from {} runs",
                    estimate.source, estimate.median_ms, estimate.high_ms, estimate.runs
                );
            }
        }
        text
    }

    /// `speeds`: of all nodes.
    pub(super) fn speeds(&mut self) -> String {
        let mut text = String::new();
        if let Some(Answer::Nodes(nodes)) = self.ask(Question::Nodes) {
            for node in nodes {
                let _ = writeln!(text, "{}: {}", node.name, node.speed_permille);
            }
        }
        text
    }

    fn ask(&mut self, question: Question) -> Option<Answer> {
        let caller = CallerId(2);
        let turned = self.world.turn([Event::Ask { caller, question }]);
        let mut answers = turned
            .actions
            .into_iter()
            .filter_map(|action| match action {
                Action::Reply { answer, .. } => Some(answer),
                _ => None,
            });
        answers.next()
    }
}
