//! A world to which things happen, with the agents in it.

mod arrays;
mod happening;
mod promises;
mod submissions;

use std::collections::{BTreeMap, BTreeSet};

use drover_model::{
    Action, AttemptKey, CallerId, Cancellation, Event, Heard, JobId, Outcome, Report, ReportKind,
    SessionId, cluster::Config, dispatch::Mode, policy,
};

use crate::support::{Turned, World, cpus, join, policies, reports};
pub(crate) use happening::{Happening, happening};

const NODES: [(&str, u64); 3] = [("n1", 2), ("n2", 4), ("n3", 8)];

/// The world and what its agents know.
pub(crate) struct History {
    world: World,
    /// By node: session and what the agent holds. `None`: cut off.
    agents: BTreeMap<&'static str, (Option<SessionId>, u64, BTreeSet<AttemptKey>)>,
    needs: BTreeMap<JobId, Vec<Box<[u32]>>>,
}

impl History {
    pub(crate) fn new(policy: &str, mode: Mode) -> Self {
        let policy = policy::find(policy).expect("a built-in policy");
        let world = World::new(Config {
            policy,
            mode,
            ..Config::default()
        });
        let agents = NODES
            .iter()
            .map(|(name, _)| (*name, (None, 0, BTreeSet::new())))
            .collect();
        let mut history = Self {
            world,
            agents,
            needs: BTreeMap::new(),
        };
        for node in 0..NODES.len() {
            history.happen(&Happening::Rejoin {
                node,
                restarted: true,
            });
        }
        history
    }

    pub(crate) fn happen(&mut self, happening: &Happening) {
        let events = match happening {
            Happening::Submit {
                tasks,
                rule,
                deadline,
            } => self.submit(tasks, *rule, *deadline),
            Happening::Replay(which) => self.replay(*which),
            Happening::Start(which) => self.report(*which, None),
            Happening::End(which, how) => self.report(*which, Some(*how)),
            Happening::Cancel(which, how) => self.cancel(*which, *how),
            Happening::Pass(ms) => self.pass(*ms),
            Happening::Leaving(node) => self.leaving(NODES[*node].0),
            Happening::Cut(node) => self.cut(NODES[*node].0),
            Happening::Rejoin { node, restarted } => self.rejoin(NODES[*node], *restarted),
            Happening::UsePolicy(version) => vec![policies::switch(version)],
            Happening::Crash => {
                self.world.reload();
                for (session, ..) in self.agents.values_mut() {
                    *session = None;
                }
                vec![Event::Tick]
            }
        };
        let turned = self.world.turn(events);
        self.perform(&turned);
        self.world.assert_durable();
        self.assert_order(&turned);
        self.assert_gangs(&turned);
        self.assert_parallel();
    }

    /// `how`: `None` starts, 0 fails, 1 reports something stale, 2 stalls, 3 was fenced, 4 stopped, 5 is refused, else
    /// succeeds.
    fn report(&mut self, which: usize, how: Option<u8>) -> Vec<Event> {
        let running: Vec<(&str, SessionId, AttemptKey)> = self
            .agents
            .iter()
            .filter_map(|(name, (session, _, held))| Some((*name, (*session)?, held)))
            .flat_map(|(name, session, held)| held.iter().map(move |key| (name, session, *key)))
            .collect();
        if running.is_empty() {
            return Vec::new();
        }
        let (name, session, mut key) = running[which % running.len()];
        let at = self.world.now;
        let what = match how {
            None => ReportKind::Started { at },
            Some(how) => {
                if how == 1 {
                    key.attempt += 1;
                } else {
                    self.agents.get_mut(name).expect("an agent").2.remove(&key);
                }
                ReportKind::Ended {
                    started_at: at,
                    ended_at: at,
                    outcome: match how {
                        0 => Outcome::Failed,
                        2 => Outcome::Stalled,
                        3 => Outcome::Fenced,
                        4 => Outcome::Stopped,
                        5 => Outcome::Refused,
                        _ => Outcome::Succeeded,
                    },
                    exit_code: (how == 0).then_some((which % 3) as i32 + 1),
                    message: None,
                }
            }
        };
        vec![reports(session, vec![Report { key, what }])]
    }

    fn cancel(&mut self, which: usize, how: Cancellation) -> Vec<Event> {
        if self.needs.is_empty() {
            return Vec::new();
        }
        vec![Event::Cancel {
            caller: CallerId(1),
            job: JobId::from_u128((which % self.needs.len()) as u128 + 1),
            how,
            reason: "".into(),
        }]
    }

    fn pass(&mut self, ms: u64) -> Vec<Event> {
        self.world.now = self.world.now.plus_ms(ms);
        let sessions = self.agents.values().filter_map(|(session, ..)| *session);
        let heard = sessions.map(|session| Heard {
            session,
            at: self.world.now,
            cpu_permille: 0,
            memory_permille: 0,
        });
        vec![Event::Heard(heard.collect()), Event::Tick]
    }

    fn leaving(&self, name: &str) -> Vec<Event> {
        let session = self.agents[name].0;
        session
            .map(|session| Event::Leaving { session })
            .into_iter()
            .collect()
    }

    fn cut(&mut self, name: &str) -> Vec<Event> {
        let session = self.agents.get_mut(name).expect("an agent").0.take();
        session
            .map(|session| Event::Left { session })
            .into_iter()
            .collect()
    }

    fn rejoin(&mut self, (name, cpu): (&'static str, u64), restarted: bool) -> Vec<Event> {
        let session = self.world.next_session();
        let agent = self.agents.get_mut(name).expect("an agent");
        agent.0 = Some(session);
        if restarted {
            agent.1 += 1;
            agent.2.clear();
        }
        let running = agent.2.iter().copied().collect();
        vec![Event::Join {
            session,
            join: join(name, agent.1, cpus(cpu), running),
        }]
    }

    fn perform(&mut self, turned: &Turned) {
        for action in &turned.actions {
            let agent =
                |wanted: SessionId,
                 agents: &mut BTreeMap<&'static str, (Option<SessionId>, u64, _)>| {
                    let found = agents.iter().find(|(_, agent)| agent.0 == Some(wanted));
                    found.map(|(name, _)| *name)
                };
            match action {
                Action::Assign {
                    session,
                    assignment,
                } => {
                    if let Some(name) = agent(*session, &mut self.agents) {
                        self.agents
                            .get_mut(name)
                            .expect("an agent")
                            .2
                            .insert(assignment.key);
                    }
                }
                Action::Welcome { session, discard } => {
                    if let Some(name) = agent(*session, &mut self.agents) {
                        let held = &mut self.agents.get_mut(name).expect("an agent").2;
                        held.retain(|key| !discard.contains(key));
                    }
                }
                Action::Close { session, .. } => {
                    if let Some(name) = agent(*session, &mut self.agents) {
                        self.agents.get_mut(name).expect("an agent").0 = None;
                    }
                }
                Action::Stop { .. } | Action::Reply { .. } | Action::Ack { .. } => {}
            }
        }
        self.assert_capacity();
    }

    /// Lets everything run out with all nodes there and nothing failing.
    pub(crate) fn finish(&mut self) {
        for node in 0..NODES.len() {
            self.happen(&Happening::Rejoin {
                node,
                restarted: false,
            });
        }
        for round in 0..10_000 {
            if self.world.cluster.open_jobs() == 0 {
                return;
            }
            self.happen(&Happening::End(round, 7));
            if round.is_multiple_of(7) {
                self.happen(&Happening::Pass(3_000));
            }
        }
        panic!(
            "{} jobs never end: {:?}",
            self.world.cluster.open_jobs(),
            self.world.cluster.durable()
        );
    }
}
