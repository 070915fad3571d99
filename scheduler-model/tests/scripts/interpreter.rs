//! From words to events and from effects to words.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use drover_model::{
    Action, Answer, AttemptKey, AttemptRow, AttemptState, CallerId, Cancellation, Carried,
    Deadline, DeadlineAction, Event, FailureRule, Heard, JobId, JobRow, JobSpec, NewJob, Outcome,
    Priority, Question, Report, ReportKind, Resources, RetryRule, Rules, SessionId, StepSpec,
    TaskSpec,
    cluster::{Config, Quarantine},
    policy,
};

use crate::support::{Turned, World, cpus, join, payload, reports};

pub struct Interpreter {
    world: World,
    /// By name: id and names of tasks.
    jobs: BTreeMap<String, (JobId, Vec<String>)>,
    /// By name: session, incarnation, capacity.
    nodes: BTreeMap<String, (SessionId, u64, Resources)>,
}

/// `key=value` words.
struct Options<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Options<'a> {
    fn parse(words: impl Iterator<Item = &'a str>) -> Self {
        Self(words.filter_map(|word| word.split_once('=')).collect())
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.0.get(key).copied()
    }

    fn number(&self, key: &str, default: u64) -> u64 {
        self.get(key)
            .map_or(default, |value| value.parse().expect("a number"))
    }

    fn seconds(&self, key: &str) -> Option<u64> {
        self.get(key).map(milliseconds)
    }
}

fn milliseconds(text: &str) -> u64 {
    let seconds: f64 = text.trim_end_matches('s').parse().expect("seconds");
    (seconds * 1000.0).round() as u64
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
            "wait" => self.wait(rest),
            "node" => self.node(rest),
            "leave" => vec![Event::Left {
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
                    .expect("finish ATTEMPT ok|fail|exit=CODE|stopped|stalled|fenced");
                names
                    .split(' ')
                    .map(|name| self.report(name, outcome))
                    .collect()
            }
            "cancel" => self.cancel(rest),
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
            config.policy = policy::find(name).expect("a policy");
        }
        if let Some(mode) = options.get("mode") {
            config.mode = mode.parse().expect("a mode");
        }
        config.careful = options.get("careful") == Some("yes");
        config.quarantine = Quarantine {
            losses: options.number("quarantine", 3) as u32,
            ..Quarantine::default()
        };
        self.world = World::new(config);
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
        let known = self.nodes.get(name).copied();
        let incarnation = options.number("incarnation", known.map_or(1, |known| known.1));
        let capacity = match options.get("cpu") {
            Some(_) => Resources {
                memory_bytes: options.number("memory", 1 << 40),
                ..cpus(options.number("cpu", 0))
            },
            None => known.expect("a known node").2,
        };
        let running = match options.get("running") {
            Some(names) => names.split(',').map(|name| self.key(name)).collect(),
            None => Vec::new(),
        };
        let session = self.world.next_session();
        self.nodes
            .insert(name.to_owned(), (session, incarnation, capacity));
        vec![Event::Join {
            session,
            join: join(name, incarnation, capacity, running),
        }]
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

    /// `NEW of OLD`: from what had not succeeded.
    fn replay(&mut self, rest: &str) -> Vec<Event> {
        let (name, old) = rest.split_once(" of ").expect("replay NEW of OLD");
        let (old, tasks) = self.jobs[old].clone();
        let spec = self.world.store.specs[&old].clone();
        let attempts = self.world.store.attempts.values();
        let carried = attempts
            .filter(|row| row.key.job == old && row.state == AttemptState::Succeeded)
            .map(|row| Carried {
                task: row.key.task,
                node: row.node.clone(),
                assigned_at: row.assigned_at,
                started_at: row.started_at.expect("it ran"),
                ended_at: row.ended_at.expect("it ended"),
            });
        let carried = carried.collect();
        let id = self.new_id();
        self.jobs.insert(name.to_owned(), (id, tasks));
        self.world.store.specs.insert(id, spec.clone());
        vec![self.world.submit(NewJob {
            id,
            name: name.into(),
            stored_spec: payload(&format!("{spec:?}")),
            spec,
            request_id: None,
            traceparent: None,
            replay_of: Some(old),
            carried,
        })]
    }

    fn new_id(&self) -> JobId {
        JobId::from_u128(self.jobs.len() as u128 + 1)
    }

    fn submit(&mut self, rest: &str) -> Vec<Event> {
        let (head, tasks) = rest
            .split_once(':')
            .expect("submit NAME [options]: TASK | TASK");
        let mut words = head.split(' ');
        let name = words.next().expect("a name");
        let options = Options::parse(words);
        let names: Vec<String> = tasks
            .split('|')
            .map(|task| {
                task.split_whitespace()
                    .next()
                    .expect("a task name")
                    .to_owned()
            })
            .collect();
        let spec = JobSpec {
            namespace: "default".into(),
            queue: options.get("queue").unwrap_or("default").into(),
            priority: Priority::new(options.number("priority", 50) as u32).expect("a priority"),
            deadline: options.seconds("deadline").map(Deadline::After),
            deadline_action: match options.get("at_deadline") {
                Some("cancel") => DeadlineAction::Cancel,
                Some("escalate") => DeadlineAction::Escalate,
                _ => DeadlineAction::None,
            },
            failure_rule: match options.get("on_failure") {
                Some("continue") => FailureRule::Continue,
                Some("rollback") => FailureRule::Rollback,
                _ => FailureRule::FailFast,
            },
            tasks: tasks
                .split('|')
                .map(|task| task_spec(task, &names))
                .collect(),
        };
        let id = self.new_id();
        let known = options.get("same").map(|name| self.jobs[name].0);
        self.world.store.specs.insert(id, spec.clone());
        if known.is_none() {
            self.jobs.insert(name.to_owned(), (id, names));
        }
        let job = NewJob {
            id,
            name: name.into(),
            stored_spec: payload(&format!("{spec:?}")),
            spec,
            request_id: options.get("request").map(Arc::from),
            traceparent: None,
            replay_of: None,
            carried: Vec::new(),
        };
        vec![self.world.submit(job)]
    }

    /// `job/task` is its last attempt, `job/task#n` that one; `@node` says who reports.
    fn report(&self, name: &str, what: &str) -> Event {
        let (name, node) = match name.split_once('@') {
            Some((name, node)) => (name, node.to_owned()),
            None => (name, self.holder(self.key(name))),
        };
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
            other => {
                let code = other.strip_prefix("exit=").expect("an outcome");
                ended(Outcome::Failed, code.parse().ok())
            }
        };
        reports(
            self.nodes[&node].0,
            vec![Report {
                key: self.key(name),
                what,
            }],
        )
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

    fn show(&mut self, job: &str) -> String {
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

    fn describe(&self, turned: &Turned) -> String {
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
            } => writeln!(text, "refused: {refusal}"),
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

fn task_spec(text: &str, names: &[String]) -> TaskSpec {
    let options = Options::parse(text.split_whitespace().skip(1));
    let mut needs: Vec<u32> = options
        .get("needs")
        .map(|needs| needs.split(','))
        .into_iter()
        .flatten()
        .map(|needed| {
            names
                .iter()
                .position(|name| name == needed)
                .expect("a task") as u32
        })
        .collect();
    needs.sort_unstable();
    let step = |resources, retries| StepSpec {
        payload: payload(text),
        resources,
        rules: rules(&options, retries),
        estimate_ms: options.seconds("estimate").unwrap_or(60_000),
    };
    TaskSpec {
        needs: needs.into(),
        finally: options.get("finally") == Some("yes"),
        step: step(
            cpus(options.number("cpu", 1)),
            options.number("retries", 0) as u32,
        ),
        undo: options
            .get("undo")
            .map(|retries| step(cpus(1), retries.parse().expect("its retries"))),
    }
}

fn rules(options: &Options<'_>, retries: u32) -> Rules {
    let codes = |key| {
        let codes = options.get(key).unwrap_or("").split(',');
        codes.filter_map(|code| code.parse().ok()).collect()
    };
    Rules {
        retry: RetryRule {
            retries,
            rerun_lost: options.get("rerun_lost") != Some("no"),
            max_lost: options.number("max_lost", 3) as u32,
            exit_codes: codes("retry_on"),
            fatal_exit_codes: codes("fatal"),
            ..RetryRule::default()
        },
        start_timeout_ms: options.seconds("start_timeout"),
        timeout_ms: options.seconds("timeout"),
        ..Rules::default()
    }
}
