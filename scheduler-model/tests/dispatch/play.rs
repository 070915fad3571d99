//! A load is played to its end: tasks start when they are assigned, and take as long as planned.

use std::collections::BTreeMap;

use drover_model::{
    Action, AttemptKey, Decision, Event, JobId, NewJob, Outcome, Report, ReportKind, SessionId,
    Timestamp, cluster::Config, dispatch::Mode,
};

use super::load::Load;
use crate::support::{Turned, World, join, learned, payload, reports};

/// Between being asked to stop and having ended.
const GRACE_MS: u64 = 700;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) mode: Mode,
    pub(crate) policy: &'static str,
    pub(crate) age_cap_ms: u64,
}

pub(crate) struct Play {
    pub(crate) world: World,
    pub(crate) load: Load,
    pub(crate) decisions: Vec<(Timestamp, Decision)>,
    /// What runs, and until when.
    running: BTreeMap<AttemptKey, (Timestamp, SessionId, Outcome)>,
    submitted: usize,
    next_submission: Timestamp,
}

impl Play {
    pub(crate) fn new(load: &Load, setting: Setting) -> Self {
        let mut world = World::new(Config {
            mode: setting.mode,
            policy: learned::find(setting.policy),
            age_cap_ms: setting.age_cap_ms,
            refuse_impossible: true,
            // Nobody is heard of here.
            node_timeout_ms: u64::MAX / 2,
            ..Config::default()
        });
        for (place, node) in load.nodes.iter().enumerate() {
            let session = world.next_session();
            let mut join = join(&name(place), 1, node.capacity(), vec![]);
            join.attributes = node.attributes();
            world.turn([Event::Join { session, join }]);
        }
        let next_submission = world.now;
        Self {
            world,
            load: load.clone(),
            decisions: Vec::new(),
            running: BTreeMap::new(),
            submitted: 0,
            next_submission,
        }
    }

    pub(crate) fn run(&mut self) {
        for _ in 0..2_000 {
            let ends = self.running.values().map(|(until, ..)| *until).min();
            let submission =
                (self.submitted < self.load.jobs.len()).then_some(self.next_submission);
            let timer = self.world.cluster.next_timer();
            let timer = timer.filter(|_| self.world.cluster.open_jobs() > 0);
            let Some(next) = [ends, submission].into_iter().flatten().min() else {
                let open = self.world.cluster.open_jobs();
                assert_eq!(open, 0, "nothing runs: {:#?}", self.world.cluster.durable());
                return;
            };
            self.world.now = timer
                .map_or(next, |timer| timer.min(next))
                .max(self.world.now);
            let events = self.due();
            self.turn(events);
        }
        panic!("no end: {:#?}", self.world.cluster.durable());
    }

    fn due(&mut self) -> Vec<Event> {
        let now = self.world.now;
        let mut events = vec![Event::Tick];
        let ended: Vec<AttemptKey> = self
            .running
            .iter()
            .filter(|(_, (until, ..))| *until <= now)
            .map(|(key, _)| *key)
            .collect();
        for key in ended {
            let (ended_at, session, outcome) = self.running.remove(&key).expect("it runs");
            let what = ReportKind::Ended {
                started_at: ended_at,
                ended_at,
                outcome,
                exit_code: None,
                message: Some("by signal 15".into()),
            };
            events.push(reports(session, vec![Report { key, what }]));
        }
        while self.submitted < self.load.jobs.len() && self.next_submission <= now {
            events.push(self.submission());
        }
        events
    }

    fn submission(&mut self) -> Event {
        let spec = self.load.jobs[self.submitted].spec();
        self.submitted += 1;
        let next = self.load.jobs.get(self.submitted);
        self.next_submission = self
            .next_submission
            .plus_ms(next.map_or(0, |next| next.after_ms));
        let id = JobId::from_u128(self.submitted as u128);
        self.world.store.specs.insert(id, spec.clone());
        self.world.submit(NewJob {
            id,
            name: "job".into(),
            stored_spec: payload("spec"),
            spec,
            request_id: None,
            traceparent: None,
            replay_of: None,
            carried: Vec::new(),
        })
    }

    fn turn(&mut self, events: Vec<Event>) {
        for event in events {
            self.world
                .cluster
                .step(self.world.now, event, self.world.turn.effects());
            self.world.cluster.assert_consistent();
        }
        let mut rounds = 0;
        while self.world.cluster.wants_dispatch() {
            let decision = self.world.cluster.decide(self.world.now);
            self.decisions.push((self.world.now, decision.clone()));
            let event = Event::Dispatch(decision);
            self.world
                .cluster
                .step(self.world.now, event, self.world.turn.effects());
            self.world.cluster.assert_consistent();
            rounds += 1;
            assert!(rounds < 1_000, "dispatch comes to rest");
        }
        let turned = self.world.turn([]);
        self.perform(&turned);
        self.world.assert_durable();
        self.assert_capacity();
    }

    fn perform(&mut self, turned: &Turned) {
        let now = self.world.now;
        for action in &turned.actions {
            match action {
                Action::Assign {
                    session,
                    assignment,
                } => {
                    let key = assignment.key;
                    let plan = &self.load.jobs[key.job.0.as_u128() as usize - 1];
                    let end = (now.plus_ms(plan.takes_ms()), *session, Outcome::Succeeded);
                    self.running.insert(key, end);
                }
                Action::Stop { key, .. } => {
                    let end = self
                        .running
                        .get_mut(key)
                        .expect("only what runs is stopped");
                    end.0 = end.0.min(now.plus_ms(GRACE_MS));
                    end.2 = Outcome::Stopped;
                }
                _ => {}
            }
        }
    }
}

pub(crate) fn name(place: usize) -> String {
    format!("n{place}")
}
