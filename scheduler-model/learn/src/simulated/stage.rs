use std::{
    sync::{Arc, atomic::AtomicU64},
    thread,
};

use drover_model::{
    inference::{Layout, Scorer},
    observation::{WINDOW, layout},
    policy::{self, Learned},
};
use drover_sim::{
    evaluate::Figures,
    simulate::{Options, Outcome, simulate},
};

use super::{
    Curriculum, Drawn, Measure,
    recorder::{Decision, Recorder},
    references,
    rewards::rewards,
};
use crate::{Actor, End, Episode, LearnError, Plan, Stage, Transition, threads::join};

/// The scheduler under simulated load as a stage: an episode is a window of the curriculum, a decision which of the candidates
/// comes next.
///
/// A reward is by how much less all jobs cost until the next decision than they do in that time under a strong rule on the same
/// window, in percent of what they cost there in all. What is the window's doing and not the policy's cancels out (Mao et al.,
/// "Variance Reduction for Reinforcement Learning in Input-Driven Environments", ICLR 2019): an episode as good as the rule is
/// worth 0, and one with half its J is worth 50.
#[derive(Clone, Debug)]
pub struct SimulatedStage {
    pub curriculum: Curriculum,
    /// Candidates of a window that are chosen from; those after them come in the order of the index.
    pub window_size: usize,
    /// Episodes that are played at once.
    pub threads: usize,
}

impl SimulatedStage {
    pub fn new(curriculum: Curriculum) -> Self {
        Self {
            curriculum,
            window_size: WINDOW,
            threads: 1,
        }
    }

    /// # Panics
    /// When the curriculum makes no sense.
    fn play_one(&self, actor: &Arc<dyn Actor>, seed: u64, longest: usize) -> Episode {
        let drawn = self.curriculum.draw(seed);
        let mode = drawn.mode;
        let clock = Arc::<AtomicU64>::default();
        let recorder = Recorder {
            actor: Arc::clone(actor),
            clock: Arc::clone(&clock),
            window_size: self.window_size,
            mode,
        };
        let recording = Arc::new(recorder.begin(seed));
        let learned = Learned::by("explores", Arc::clone(&recording) as Arc<dyn Scorer>);
        let options = Options {
            clock: Some(clock),
            ..drawn.options(learned, mode)
        };
        let outcome = run(&drawn, &options);
        episode(recording.take(), &outcome, &by_rule(&drawn), longest)
    }
}

/// The window under the first of its references.
fn by_rule(drawn: &Drawn) -> Outcome {
    let reference = references(&drawn.name, Measure::Objective)[0];
    let rule = policy::find(reference.policy).expect("references are rules");
    run(
        drawn,
        &drawn.options(rule, reference.mode.unwrap_or(drawn.mode)),
    )
}

fn run(drawn: &Drawn, options: &Options) -> Outcome {
    simulate(&drawn.trace, options).expect("traces make sense")
}

const PERCENT: f64 = 100.0;

fn episode(decisions: Vec<Decision>, outcome: &Outcome, rule: &Outcome, longest: usize) -> Episode {
    let decided: Vec<u64> = decisions.iter().map(|one| one.at_ms).collect();
    let unit = Figures::of(rule).objective * rule.jobs.len() as f64 / PERCENT;
    let (own, by_rule) = (
        rewards(outcome, &decided, unit),
        rewards(rule, &decided, unit),
    );
    let rewards = own.iter().zip(by_rule).map(|(own, by_rule)| own - by_rule);
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
