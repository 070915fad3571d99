//! From words to events and from effects to words.

mod describe;
mod estimates;
mod groups;
mod jobs;
mod options;
mod placement;

use std::collections::BTreeMap;

use drover_model::{
    AttemptKey, CallerId, Cancellation, Event, Heard, JobId, Outcome, Report, ReportKind,
    Resources, SessionId,
    cluster::{Config, Quarantine},
};

use crate::support::{World, join, learned, policies, reports};
use options::{Options, milliseconds};

pub struct Interpreter {
    world: World,
    /// By name: id and names of tasks.
    jobs: BTreeMap<String, (JobId, Vec<String>)>,
    /// By name: session, incarnation, capacity.
    nodes: BTreeMap<String, (SessionId, u64, Resources)>,
}

impl Interpreter {
    pub fn new() -> Self {
        let world = World::new(Config::default());
        Self {
            world,
            jobs: BTreeMap::new(),
            nodes: BTreeMap::new(),
        }
    }

    /// Runs one command as one turn and says what it did.
    pub fn run(&mut self, command: &str) -> String {
        let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
        let rest = rest.trim();
        let events = match word {
            "config" => return self.configure(rest),
            "crash" => return self.crash(),
            "show" => return self.show(rest),
            "runs" => return self.runs(rest),
            "estimates" => return self.estimates(rest),
            "speeds" => return self.speeds(),
            "nodes" => return self.show_nodes(),
            "wait" => self.wait(rest),
            "node" => self.node(rest),
            "leave" => vec![Event::Left {
                session: self.nodes[rest].0,
            }],
            "leaving" => vec![Event::Leaving {
                session: self.nodes[rest].0,
            }],
            "submit" => self.submit(rest),
            "start" => rest
                .split(' ')
                .map(|name| self.report(name, "start"))
                .collect(),
            "finish" => {
                let (names, outcome) = rest
                    .rsplit_once(' ')
                    .expect("finish ATTEMPT ok|fail|exit=CODE|stopped|stalled|fenced|refused");
                names
                    .split(' ')
                    .map(|name| self.report(name, outcome))
                    .collect()
            }
            "cancel" => self.cancel(rest),
            "explain" => return self.explain(rest),
            "set" | "reset" | "cordon" | "uncordon" | "drain" => self.change_node(word, rest),
            "use" => vec![policies::switch(rest)],
            "replay" => self.replay(rest),
            other => panic!("`{other}` is not one of the words"),
        };
        let turned = self.world.turn(events);
        self.world.assert_durable();
        self.describe(&turned)
    }

    fn configure(&mut self, rest: &str) -> String {
        let options = Options::parse(rest.split(' '));
        let mut config = Config::default();
        if let Some(name) = options.get("policy") {
            config.policy = learned::find(name);
        }
        if let Some(name) = options.get("backfill") {
            config.backfill = Some(learned::find(name));
        }
        if let Some(mode) = options.get("mode") {
            config.mode = mode.parse().expect("a mode");
        }
        config.careful = options.get("careful") == Some("yes");
        config.refuse_impossible = options.get("refuse_impossible") == Some("yes");
        if let Some(age_cap_ms) = options.seconds("age_cap") {
            config.age_cap_ms = age_cap_ms;
        }
        config.quarantine = Quarantine {
            losses: options.number("quarantine", 3) as u32,
            ..Quarantine::default()
        };
        self.world = World::new(config);
        self.nodes.clear();
        self.jobs.clear();
        String::new()
    }

    fn crash(&mut self) -> String {
        self.world.reload();
        String::new()
    }

    fn wait(&mut self, rest: &str) -> Vec<Event> {
        let (duration, silent) = rest.split_once(" silent ").unwrap_or((rest, ""));
        self.world.now = self.world.now.plus_ms(milliseconds(duration));
        let heard = self
            .nodes
            .iter()
            .filter(|(name, _)| !silent.split(' ').any(|silent| silent == name.as_str()))
            .map(|(_, (session, ..))| Heard {
                session: *session,
                at: self.world.now,
                cpu_permille: 0,
                memory_permille: 0,
            })
            .collect();
        vec![Event::Heard(heard), Event::Tick]
    }

    fn node(&mut self, rest: &str) -> Vec<Event> {
        let (name, options) = rest.split_once(' ').unwrap_or((rest, ""));
        let options = Options::parse(options.split(' '));
        let known = self.nodes.get(name).cloned();
        let incarnation = options.number("incarnation", known.as_ref().map_or(1, |known| known.1));
        let capacity = match options.get("cpu") {
            Some(_) => placement::resources(&options, 1 << 40),
            None => known.expect("a known node").2,
        };
        let running = match options.get("running") {
            Some(names) => names.split(',').map(|name| self.key(name)).collect(),
            None => Vec::new(),
        };
        let session = self.world.next_session();
        self.nodes
            .insert(name.to_owned(), (session, incarnation, capacity.clone()));
        let mut join = join(name, incarnation, capacity, running);
        join.attributes = placement::attributes(&options);
        if let Some(names) = options.get("stopped") {
            let said = names.split(',').map(|name| self.said(name, "stopped"));
            join.reports.reports = said.collect();
        }
        vec![Event::Join { session, join }]
    }

    fn cancel(&self, rest: &str) -> Vec<Event> {
        let (name, how) = rest.split_once(' ').unwrap_or((rest, "stop"));
        vec![Event::Cancel {
            caller: CallerId(1),
            job: self.jobs[name].0,
            how: match how {
                "stop" => Cancellation::Stop,
                "rollback" => Cancellation::RollBack,
                "abandon" => Cancellation::Abandon,
                other => panic!("`{other}` is no way to cancel"),
            },
            reason: "".into(),
        }]
    }

    /// `job/task` is its last attempt, `job/task#n` that one; `@node` says who reports.
    fn report(&self, name: &str, what: &str) -> Event {
        let (name, node) = match name.split_once('@') {
            Some((name, node)) => (name, node.to_owned()),
            None => (name, self.holder(self.key(name))),
        };
        reports(self.nodes[&node].0, vec![self.said(name, what)])
    }

    fn said(&self, name: &str, what: &str) -> Report {
        let at = self.world.now;
        let ended = |outcome, exit_code| ReportKind::Ended {
            started_at: at,
            ended_at: at,
            outcome,
            exit_code,
            message: None,
        };
        let what = match what {
            "start" => ReportKind::Started { at },
            "ok" => ended(Outcome::Succeeded, Some(0)),
            "fail" => ended(Outcome::Failed, Some(1)),
            "stopped" => ended(Outcome::Stopped, None),
            "stalled" => ended(Outcome::Stalled, None),
            "fenced" => ended(Outcome::Fenced, None),
            "refused" => ended(Outcome::Refused, None),
            other => {
                let code = other.strip_prefix("exit=").expect("an outcome");
                ended(Outcome::Failed, code.parse().ok())
            }
        };
        Report {
            key: self.key(name),
            what,
        }
    }

    fn holder(&self, key: AttemptKey) -> String {
        self.world.store.attempts[&key].node.to_string()
    }

    fn key(&self, name: &str) -> AttemptKey {
        let (job, task) = name.split_once('/').expect("job/task");
        let (task, attempt) = match task.split_once('#') {
            Some((task, attempt)) => (task, Some(attempt.parse().expect("a number"))),
            None => (task, None),
        };
        let (id, names) = &self.jobs[job];
        let (undo, task) = task
            .strip_prefix('~')
            .map_or((0, task), |task| (names.len(), task));
        let place = names.iter().position(|name| name == task).expect("a task");
        let task = (undo + place) as u32;
        let last = self
            .world
            .store
            .attempts
            .keys()
            .filter(|key| (key.job, key.task) == (*id, task))
            .map(|key| key.attempt)
            .max();
        AttemptKey {
            job: *id,
            task,
            attempt: attempt.or(last).expect("an attempt"),
        }
    }
}
