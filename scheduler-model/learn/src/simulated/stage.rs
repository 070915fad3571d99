use std::{
    sync::{Arc, atomic::AtomicU64},
    thread,
};

use drover_model::{
    dispatch::Mode,
    inference::{Layout, Scorer},
    observation::{WINDOW, layout},
    policy::{self, Learned},
};
use drover_sim::{
    evaluate::Figures,
    simulate::{Options, Outcome, simulate},
    trace::Trace,
};

use super::{
    Curriculum, references,
    recorder::{Decision, Recorder},
    rewards::rewards,
};
use crate::{Actor, End, Episode, LearnError, Plan, Stage, Transition, threads::join};

/// The scheduler under simulated load as a stage: an episode is a window of the curriculum, a decision which of the
/// candidates comes next. Rewards are what all jobs cost in the meantime, below zero, against what a job costs on average
/// under a strong rule on the same window: an episode under a policy as good as that has the reward of about minus its number
/// of jobs.
#[derive(Clone, Debug)]
pub struct SimulatedStage {
    pub curriculum: Curriculum,
    pub mode: Mode,
    /// Candidates of a window that are chosen from; those after them come in the order of the index.
    pub window_size: usize,
    /// Episodes that are played at once.
    pub threads: usize,
}

impl SimulatedStage {
    pub fn new(curriculum: Curriculum, mode: Mode) -> Self {
        Self {
            curriculum,
            mode,
            window_size: WINDOW,
            threads: 1,
        }
    }

    /// # Panics
    /// When the curriculum makes no sense.
    fn play_one(&self, actor: &Arc<dyn Actor>, seed: u64, longest: usize) -> Episode {
        let drawn = self.curriculum.draw(seed);
        let reference = references(drawn.family.name)[0];
        let rule = policy::find(reference.policy).expect("references are rules");
        let reference = run(&drawn.trace, &Options::new(rule, reference.mode));
        let (clock, actor) = (Arc::<AtomicU64>::default(), Arc::clone(actor));
        let recorder = Recorder::new(actor, Arc::clone(&clock), self.window_size, seed);
        let recorder = Arc::new(recorder);
        let scorer: Arc<dyn Scorer> = Arc::<Recorder>::clone(&recorder);
        let options = Options {
            clock: Some(clock),
            ..Options::new(Learned::by("explores", scorer), self.mode)
        };
        let outcome = run(&drawn.trace, &options);
        let unit = Figures::of(&reference).objective;
        episode(recorder.take(), &outcome, unit, longest)
    }
}

fn run(trace: &Trace, options: &Options) -> Outcome {
    simulate(trace, options).expect("generated traces make sense")
}

fn episode(decisions: Vec<Decision>, outcome: &Outcome, unit: f64, longest: usize) -> Episode {
    let decided: Vec<u64> = decisions.iter().map(|one| one.at_ms).collect();
    let rewards = rewards(outcome, &decided, unit);
    let end = match decisions.get(longest) {
        Some(next) => End::CutOff {
            value: next.choice.value,
        },
        None => End::Done,
    };
    let decisions = decisions.into_iter().zip(rewards).take(longest);
    let transitions = decisions.map(|(decision, reward)| Transition {
        observation: decision.observation,
        choice: decision.choice,
        reward,
    });
    Episode {
        transitions: transitions.collect(),
        end,
    }
}

impl Stage for SimulatedStage {
    fn has_layout(&self, columns: &Layout) -> bool {
        *columns == layout()
    }

    fn play(&mut self, actor: &Arc<dyn Actor>, plan: &Plan) -> Result<Vec<Episode>, LearnError> {
        let count = self.threads.max(1);
        let stage = &*self;
        let play_share = |first: usize| -> Vec<Episode> {
            let seeds = plan.seeds.iter().skip(first).step_by(count);
            seeds
                .map(|seed| stage.play_one(actor, *seed, plan.longest))
                .collect()
        };
        let play_share = &play_share;
        let shares = thread::scope(|scope| {
            let start = |first| scope.spawn(move || play_share(first));
            join((0..count).map(start).collect())
        });
        let mut shares: Vec<_> = shares.into_iter().map(Vec::into_iter).collect();
        let places = 0..plan.seeds.len();
        Ok(places
            .filter_map(|place| shares[place % count].next())
            .collect())
    }
}
