use std::thread;

use drover_sim::random::{Purpose, Random};

use crate::{
    Environment, LearnError, Observation,
    act::{Actor, Choice, Room},
    threads::join,
};

/// One decision, and what followed.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    pub observation: Observation,
    pub choice: Choice,
    pub reward: f64,
}

/// All decisions from a reset on.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    pub transitions: Vec<Transition>,
    pub end: End,
}

#[derive(Clone, Debug, PartialEq)]
pub enum End {
    Done,
    /// It was too long, and is worth so much from there on, says the value head.
    CutOff {
        value: f64,
    },
}

impl Episode {
    /// Sum of rewards, not discounted.
    pub fn reward(&self) -> f64 {
        self.transitions.iter().map(|step| step.reward).sum()
    }
}

/// Which episodes are played.
#[derive(Clone, Debug)]
pub struct Plan {
    /// One for each episode.
    pub seeds: Vec<u64>,
    /// Episodes are cut off after so many decisions.
    pub longest: usize,
}

/// Plays the episodes, each environment on a thread of its own, and returns them in the order of the plan. Every episode
/// follows from its seed alone, so that the number of environments changes nothing but the time it takes.
///
/// # Errors
/// No environment.
pub fn roll_out<E: Environment, A: Actor + ?Sized>(
    environments: &mut [E],
    actor: &A,
    plan: &Plan,
) -> Result<Vec<Episode>, LearnError> {
    let count = environments.len();
    if count == 0 {
        return Err(LearnError::NoEnvironment);
    }
    let play_share = |first: usize, environment: &mut E| -> Vec<Episode> {
        let mut room = Room::default();
        let seeds = plan.seeds.iter().skip(first).step_by(count);
        seeds
            .map(|seed| play(environment, actor, *seed, plan.longest, &mut room))
            .collect()
    };
    let shares = thread::scope(|scope| {
        let environments = environments.iter_mut().enumerate();
        let start = |(first, environment)| scope.spawn(move || play_share(first, environment));
        join(environments.map(start).collect())
    });
    let mut shares: Vec<_> = shares.into_iter().map(Vec::into_iter).collect();
    let places = 0..plan.seeds.len();
    Ok(places
        .filter_map(|place| shares[place % count].next())
        .collect())
}

fn play<E: Environment, A: Actor + ?Sized>(
    environment: &mut E,
    actor: &A,
    seed: u64,
    longest: usize,
    room: &mut Room,
) -> Episode {
    let mut random = Random::new(seed, Purpose::Exploration);
    let mut observation = Observation::default();
    let mut transitions = Vec::new();
    environment.reset(seed, &mut observation);
    while transitions.len() < longest {
        let choice = actor.choose(&observation, room, &mut random);
        let seen = observation.clone();
        let step = environment.step(choice.candidate, &mut observation);
        transitions.push(Transition {
            observation: seen,
            choice,
            reward: step.reward,
        });
        if step.is_done {
            let end = End::Done;
            return Episode { transitions, end };
        }
    }
    let value = actor.choose(&observation, room, &mut random).value;
    let end = End::CutOff { value };
    Episode { transitions, end }
}
