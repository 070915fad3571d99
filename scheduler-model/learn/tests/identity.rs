//! Proof that each learner learns, in worlds so small that what is right is known, and that a seed repeats it.

#[path = "identity/worlds.rs"]
mod worlds;

use std::sync::Arc;

use drover_learner::{
    Checkpoint, Environment, Greedy, Plan,
    direct::{DirectSearch, LostReward, Method, Settings as DirectSettings},
    dqn::{Dqn, Settings as DqnSettings},
    imitate::{Settings as ImitateSettings, imitate},
    initial_weights, lowest,
    ppo::{Ppo, Settings as PpoSettings},
    roll_out,
};
use drover_model::inference::{Architecture, Form, Network, Weights};
use worlds::{Bandit, OneMachine};

const POOLED: Form = Form::Pooled {
    embedding: 16,
    context: 8,
    scoring: 16,
};

fn start<E: Environment>(environment: &E, form: Form) -> Weights {
    let architecture = Architecture {
        form,
        value: Some(16),
    };
    initial_weights("test", architecture, environment.layout().clone(), 1).unwrap()
}

/// Mean reward of 50 episodes that no training saw.
fn reward<E: Environment>(mut environment: E, weights: &Weights) -> f64 {
    let plan = Plan {
        seeds: (1_000_000..1_000_050).collect(),
        longest: 100,
    };
    let greedy = Greedy(Arc::new(Network::new(weights)));
    let environments = std::slice::from_mut(&mut environment);
    let episodes = roll_out(environments, &greedy, &plan).unwrap();
    episodes.iter().map(|one| one.reward()).sum::<f64>() / 50.0
}

fn is_solved(weights: &Weights) -> bool {
    reward(Bandit::default(), weights) > 0.99 * Bandit::BEST
}

/// By what share flow times are above those of shortest first, which is optimal on one machine.
fn excess(weights: &Weights) -> f64 {
    let linear = Architecture {
        form: Form::Linear,
        value: None,
    };
    let layout = OneMachine::default().layout().clone();
    let rule = Weights::zero("shortest-first", linear, layout).unwrap();
    let rule = rule.with_parameters(&[-1.0, 0.0]).unwrap();
    let best = reward(OneMachine::default(), &rule);
    let excess = reward(OneMachine::default(), weights) / best - 1.0;
    assert!(excess > -1e-9, "nothing is better than the best: {excess}");
    excess
}

fn ppo() -> PpoSettings {
    PpoSettings {
        episodes: 32,
        minibatch: 64,
        learning_rate: 1e-2,
        gamma: 1.0,
        target_kl: 0.1,
        ..PpoSettings::default()
    }
}

fn train_ppo<E: Environment>(mut environments: Vec<E>, form: Form, updates: usize) -> Weights {
    let mut training = Ppo::new(&start(&environments[0], form), ppo(), 7).unwrap();
    for _ in 0..updates {
        training.update(&mut environments[..], &mut ()).unwrap();
    }
    training.weights().unwrap()
}

#[test]
fn nothing_is_solved_before_training() {
    assert!(!is_solved(&start(&Bandit::default(), POOLED)));
    assert!(excess(&start(&OneMachine::default(), POOLED)) > 0.2);
}

#[test]
fn ppo_solves_the_bandit() {
    for form in [Form::Linear, POOLED] {
        let weights = train_ppo(vec![Bandit::default()], form, 20);
        assert!(is_solved(&weights), "{form:?}");
    }
}

#[test]
fn ppo_recovers_shortest_first() {
    let weights = train_ppo(
        vec![OneMachine::default(), OneMachine::default()],
        POOLED,
        60,
    );
    let excess = excess(&weights);
    assert!(excess < 0.01, "{excess}");
}

fn dqn() -> DqnSettings {
    DqnSettings {
        learning_starts: 64,
        learning_rate: 1e-2,
        train_every: 1,
        target_every: 100,
        gamma: 1.0,
        first_epsilon: 1.0,
        last_epsilon: 0.2,
        exploration_episodes: 100,
        annealing_episodes: 400,
        ..DqnSettings::default()
    }
}

fn train_dqn<E: Environment>(environment: E, episodes: usize) -> Weights {
    let mut environments = [environment];
    let mut training = Dqn::new(&start(&environments[0], POOLED), dqn(), 7).unwrap();
    for _ in 0..episodes {
        training.update(&mut environments[..], &mut ()).unwrap();
    }
    training.weights().unwrap()
}

#[test]
fn dqn_solves_the_bandit() {
    assert!(is_solved(&train_dqn(Bandit::default(), 150)));
}

#[test]
fn dqn_recovers_shortest_first() {
    let excess = excess(&train_dqn(OneMachine::default(), 400));
    assert!(excess < 0.01, "{excess}");
}

#[test]
fn imitation_repeats_a_rule() {
    let mut environments = [OneMachine::default()];
    let start = start(&environments[0], POOLED);
    let settings = ImitateSettings {
        minibatch: 32,
        epochs: 10,
        ..ImitateSettings::default()
    };
    let mut curve = Vec::new();
    let weights = imitate(
        &start,
        &mut environments[..],
        lowest(0),
        &settings,
        7,
        &mut curve,
    )
    .unwrap();
    let excess = excess(&weights);
    assert!(excess < 0.01, "{excess}");
    let agreement = curve
        .iter()
        .filter(|(_, name, _)| name == "imitation/agreement");
    let agreement: Vec<f64> = agreement.map(|(_, _, value)| *value).collect();
    assert!(agreement.len() == 3 && agreement[2] > 0.9, "{agreement:?}");
}

fn search(method: Method) -> DirectSettings {
    DirectSettings {
        method,
        windows: 8,
        validation_windows: 16,
        ..DirectSettings::default()
    }
}

fn train_direct<E: Environment>(make: fn() -> E, form: Form, method: Method) -> Weights {
    let objective = LostReward {
        make,
        longest_episode: 100,
    };
    let mut training = DirectSearch::new(&start(&make(), form), search(method), 7).unwrap();
    for _ in 0..30 {
        training.generation(&objective, &mut ()).unwrap();
    }
    training.weights().clone()
}

#[test]
fn direct_search_solves_the_bandit() {
    for (form, method) in [
        (Form::Linear, Method::Covariance),
        (POOLED, Method::Diagonal),
        (Form::Linear, Method::Evolution { learning_rate: 0.1 }),
    ] {
        assert!(
            is_solved(&train_direct(Bandit::default, form, method)),
            "{method:?}"
        );
    }
}

#[test]
fn direct_search_recovers_shortest_first() {
    let weights = train_direct(OneMachine::default, Form::Linear, Method::Covariance);
    let excess = excess(&weights);
    assert!(excess < 0.01, "{excess}");
}

#[test]
fn equal_seeds_give_equal_weights() {
    let one = train_ppo(vec![OneMachine::default()], POOLED, 3);
    let threads = vec![
        OneMachine::default(),
        OneMachine::default(),
        OneMachine::default(),
    ];
    assert_eq!(train_ppo(threads, POOLED, 3), one);
    let machine = OneMachine::default;
    assert_eq!(train_dqn(machine(), 20), train_dqn(machine(), 20));
    let direct = || train_direct(OneMachine::default, Form::Linear, Method::Covariance);
    assert_eq!(direct(), direct());
    assert_ne!(one, start(&machine(), POOLED));
}

#[test]
fn a_resumed_training_goes_on_as_if_it_had_not_ended() {
    let mut environments = [OneMachine::default()];
    let anchor = start(&environments[0], POOLED);
    let settings = PpoSettings {
        anchor_weight: 0.1,
        ..ppo()
    };
    let mut training = Ppo::new(&anchor, settings.clone(), 7).unwrap();
    training.update(&mut environments[..], &mut ()).unwrap();
    let bytes = training.checkpoint().unwrap().to_bytes().unwrap();
    let checkpoint = Checkpoint::from_bytes(&bytes).unwrap();
    let mut resumed = Ppo::resume(checkpoint, anchor, settings).unwrap();
    let mut later = [OneMachine::default()];
    for _ in 0..2 {
        training.update(&mut environments[..], &mut ()).unwrap();
        resumed.update(&mut later[..], &mut ()).unwrap();
    }
    assert_eq!(
        resumed.checkpoint().unwrap(),
        training.checkpoint().unwrap()
    );
}

#[test]
fn a_resumed_search_goes_on_as_if_it_had_not_ended() {
    let objective = LostReward {
        make: OneMachine::default,
        longest_episode: 100,
    };
    let start = start(&OneMachine::default(), Form::Linear);
    let settings = search(Method::Covariance);
    let mut training = DirectSearch::new(&start, settings.clone(), 7).unwrap();
    training.generation(&objective, &mut ()).unwrap();
    let mut resumed = DirectSearch::resume(training.checkpoint(), settings).unwrap();
    for _ in 0..5 {
        training.generation(&objective, &mut ()).unwrap();
        resumed.generation(&objective, &mut ()).unwrap();
    }
    assert_eq!(resumed.checkpoint(), training.checkpoint());
}

/// A heavy anchor holds the policy where it was.
#[test]
fn an_anchor_holds() {
    let held = |anchor_weight| {
        let mut environments = [Bandit::default()];
        let settings = PpoSettings {
            anchor_weight,
            ..ppo()
        };
        let mut training = Ppo::new(&start(&environments[0], POOLED), settings, 7).unwrap();
        (0..15)
            .map(|_| training.update(&mut environments[..], &mut ()).unwrap())
            .last()
            .unwrap()
    };
    let (free, anchored) = (held(0.0), held(100.0));
    assert!(free > 0.9 * Bandit::BEST, "{free}");
    assert!(anchored < 0.7 * Bandit::BEST, "{anchored}");
}
