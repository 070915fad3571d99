//! The scheduler under simulated load as a stage of learners.

use std::sync::Arc;

use drover_learner::{
    Actor, Greedy, Plan, Sampling, Stage, highest,
    imitate::{Settings as ImitateSettings, imitate},
    ppo::{Ppo, Settings as PpoSettings},
    simulated::{Curriculum, STARTING_RULE, SimulatedStage, starting_weights},
};
use drover_model::{
    dispatch::Mode,
    inference::{Architecture, Form, Network, Weights},
    policy::{self, Learned},
};
use drover_sim::{evaluate::Figures, simulate::simulate};

fn curriculum(family: &'static str, mode: Mode) -> Curriculum {
    Curriculum {
        families: vec![(family, 1)],
        logs: Vec::new(),
        load: (1.1, 1.2),
        jobs: (120.0, 160.0),
        modes: vec![mode],
    }
}

fn starting_rule(curriculum: &Curriculum, value: Option<usize>) -> Weights {
    let architecture = Architecture {
        form: Form::Linear,
        value,
    };
    let rule = STARTING_RULE.map(|(name, weight)| (name.to_owned(), weight));
    starting_weights("rule", architecture, &rule, curriculum, 1).unwrap()
}

fn plan(episodes: u64) -> Plan {
    Plan {
        seeds: (0..episodes).collect(),
        longest: usize::MAX,
    }
}

fn sampling(weights: &Weights) -> Arc<dyn Actor> {
    Arc::new(Sampling(Arc::new(Network::new(weights))))
}

/// What production starts when it ranks by a network is what starts when decisions are made one by one, and rewards add up to
/// the percent by which J is below the rule's.
#[test]
fn an_episode_is_a_run_of_production() {
    for (family, mode, rule, rule_mode) in [
        ("steady", Mode::Easy, "sjf", Mode::Easy),
        ("heavy-tail", Mode::Strict, "sjf", Mode::Easy),
        ("deadline-tight", Mode::Greedy, "sjf", Mode::Easy),
        ("dag", Mode::Easy, "srpt", Mode::Strict),
    ] {
        let curriculum = curriculum(family, mode);
        let weights = starting_rule(&curriculum, None);
        let mut stage = SimulatedStage::new(curriculum.clone());
        let greedy: Arc<dyn Actor> = Arc::new(Greedy(Arc::new(Network::new(&weights))));
        let episodes = stage.play(&greedy, &plan(3)).unwrap();
        for (seed, episode) in episodes.iter().enumerate() {
            let drawn = curriculum.draw(seed as u64);
            let objective = |policy, mode| {
                let outcome = simulate(&drawn.trace, &drawn.options(policy, mode)).unwrap();
                Figures::of(&outcome).objective
            };
            let learned = objective(Learned::new("learned", &weights).unwrap(), mode);
            let rule = objective(policy::find(rule).unwrap(), rule_mode);
            let expected = 100.0 * (rule - learned) / rule;
            let found = episode.reward();
            assert!(
                (found - expected).abs() < 2.0,
                "{family}, {seed}: {found} {expected}"
            );
        }
    }
}

#[test]
fn episodes_are_the_same_however_many_are_played_at_once() {
    let curriculum = curriculum("deadline-tight", Mode::Easy);
    let weights = starting_rule(&curriculum, Some(8));
    let mut stage = SimulatedStage::new(curriculum);
    let one = stage.play(&sampling(&weights), &plan(5)).unwrap();
    stage.threads = 3;
    assert_eq!(stage.play(&sampling(&weights), &plan(5)).unwrap(), one);
    assert!(one.iter().all(|episode| !episode.transitions.is_empty()));
    assert_ne!(one[0], one[1]);
}

#[test]
fn a_smaller_window_shows_less() {
    let curriculum = curriculum("heavy-tail", Mode::Easy);
    let weights = starting_rule(&curriculum, None);
    let mut stage = SimulatedStage::new(curriculum);
    let widest = |stage: &mut SimulatedStage| {
        let episodes = stage.play(&sampling(&weights), &plan(2)).unwrap();
        let all = episodes.iter().flat_map(|episode| &episode.transitions);
        let windows = all.map(|transition| transition.observation.eligible.len());
        windows.max().unwrap()
    };
    assert!(widest(&mut stage) > 8);
    stage.window_size = 8;
    assert_eq!(widest(&mut stage), 8);
}

fn worth(weights: &Weights, stage: &mut SimulatedStage) -> f64 {
    let greedy: Arc<dyn Actor> = Arc::new(Greedy(Arc::new(Network::new(weights))));
    let seeds = (1_000..1_010).collect();
    let longest = usize::MAX;
    let episodes = stage.play(&greedy, &Plan { seeds, longest }).unwrap();
    episodes.iter().map(|episode| episode.reward()).sum::<f64>() / 10.0
}

/// From nothing, in seconds, at one load.
#[test]
fn ppo_and_imitation_learn_to_schedule() {
    let curriculum = curriculum("heavy-tail", Mode::Easy);
    let rule = starting_rule(&curriculum, Some(8));
    let zeros = vec![0.0; rule.policy_parameters().len()];
    let nothing = rule.clone().with_parameters(&zeros).unwrap();
    let mut stage = SimulatedStage::new(curriculum);
    let untaught = worth(&nothing, &mut stage);
    let settings = PpoSettings {
        learning_rate: 3e-2,
        gamma: 1.0,
        reward_scale: 0.1,
        ..PpoSettings::default()
    };
    let mut ppo = Ppo::new(&nothing, settings, 1).unwrap();
    for _ in 0..10 {
        ppo.update(&mut stage, &mut ()).unwrap();
    }
    let by_ppo = worth(&ppo.weights().unwrap(), &mut stage);
    let settings = ImitateSettings {
        rounds: 2,
        ..ImitateSettings::default()
    };
    let follow = highest(Arc::new(Network::new(&rule)));
    let imitated = imitate(&nothing, &mut stage, follow, &settings, 1, &mut ()).unwrap();
    let by_imitation = worth(&imitated, &mut stage);
    let by_rule = worth(&rule, &mut stage);
    let found = format!("nothing {untaught}, PPO {by_ppo}, imitation {by_imitation} of {by_rule}");
    assert!(by_ppo > untaught / 2.0, "{found}");
    assert!(
        (by_imitation - by_rule).abs() < (by_rule - untaught) / 4.0,
        "{found}"
    );
}
