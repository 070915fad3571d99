use drover_model::{
    PendingReason, Placement, Position, Resource, TaskState, TaskView, Terms, Timestamp,
    dispatch::Mode,
};

use super::*;

fn job(states: &[v1::TaskState]) -> v1::Job {
    let name = |place: usize| ["a", "b", "c"][place].to_owned();
    let tasks = states.iter().enumerate();
    v1::Job {
        tasks: tasks
            .map(|(place, state)| v1::Task {
                name: name(place),
                state: (*state).into(),
                attempts: vec![v1::Attempt {
                    number: 2,
                    node: "n1".to_owned(),
                    decision: "edf easy backfill rank 4 score 800 over 600".to_owned(),
                    ..Default::default()
                }],
                ..Default::default()
            })
            .collect(),
        spec: Some(v1::JobSpec {
            tasks: states.iter().map(|_| v1::TaskSpec::default()).collect(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn terms(term: Term, value: u16) -> Terms {
    let mut terms = Terms::default();
    terms.set(term, value);
    terms
}

fn explained() -> TaskExplanation {
    TaskExplanation {
        task: TaskView {
            state: TaskState::Queued,
            pending: Some(PendingReason::Outranked {
                position: Some(Position(2)),
                policy: "edf".into(),
            }),
            estimate: None,
        },
        weights: Weights::default(),
        nodes: vec![
            NodeVerdict {
                node: "n1".into(),
                score: Score {
                    total: 700,
                    terms: terms(Term::Latency, 900),
                },
                obstacle: None,
            },
            NodeVerdict {
                node: "n2".into(),
                score: Score::default(),
                obstacle: Some(Obstacle::Cordoned),
            },
        ],
        nodes_left_out: 3,
    }
}

fn known() -> Known {
    Known {
        task: Some(Box::new(explained())),
        decision: None,
    }
}

#[test]
fn a_waiting_task_hears_of_every_node() {
    let told = explanation(job(&[v1::TaskState::Queued]), 0, known());
    let reason = told.task.unwrap().pending_reason;
    assert_eq!(reason, "second in the order of edf");
    assert_eq!(told.nodes_left_out, 3);
    let [first, second] = told.nodes.try_into().unwrap();
    assert_eq!((&*first.node, &*first.obstacle), ("n1", ""));
    let score = first.score.unwrap();
    assert_eq!(score.total, 700);
    let latency = &score.terms[1];
    let latency = (&*latency.name, latency.value, latency.weight);
    assert_eq!(latency, ("latency", 900, 250));
    assert_eq!(score.terms.len(), Term::ALL.len());
    assert_eq!((&*second.obstacle, second.score), ("is cordoned", None));
}

#[test]
fn a_task_that_runs_by_now_hears_of_no_node() {
    let told = explanation(job(&[v1::TaskState::Running]), 0, known());
    assert_eq!(told.task.unwrap().pending_reason, "");
    assert_eq!((told.nodes.len(), told.nodes_left_out), (0, 0));
}

#[test]
fn a_decision_is_told_in_full() {
    let score = |total| Score {
        total,
        terms: terms(Term::Cost, total),
    };
    let weights: Weights = "cost=3.5".parse().expect("weights");
    let view = DecisionView {
        attempt: 2,
        at: Timestamp(3_000),
        policy: "edf".into(),
        mode: Mode::Easy,
        weights,
        placement: Placement {
            job: drover_model::JobId::from_u128(1),
            task: 0,
            node: "n1".into(),
            rank: 4,
            together: 1,
            backfilled: true,
            score: score(800),
            runner_up: Some(RunnerUp {
                node: "n2".into(),
                score: score(600),
            }),
            compared: 7,
        },
    };
    let known = |view: &DecisionView| Known {
        decision: Some(Box::new(view.clone())),
        ..known()
    };
    let told = explanation(job(&[v1::TaskState::Running]), 0, known(&view));
    let decision = told.decision.unwrap();
    assert_eq!((decision.attempt, decision.time.unwrap().seconds), (2, 3));
    assert_eq!((&*decision.policy, &*decision.mode), ("edf", "easy"));
    assert_eq!(decision.policy_version, env!("CARGO_PKG_VERSION"));
    let network = DecisionView {
        policy: "learned-7".into(),
        ..view.clone()
    };
    let told = explanation(job(&[v1::TaskState::Running]), 0, known(&network));
    let by_network = told.decision.unwrap();
    assert_eq!(
        (&*by_network.policy, &*by_network.policy_version),
        ("learned-7", "")
    );
    assert_eq!((decision.rank, decision.backfilled), (5, true));
    assert_eq!((&*decision.node, &*decision.runner_up), ("n1", "n2"));
    assert_eq!(decision.nodes_compared, 7);
    assert_eq!(decision.runner_up_score.unwrap().total, 600);
    let terms = decision.score.unwrap().terms;
    let cost = (&*terms[2].name, terms[2].value, terms[2].weight);
    assert_eq!(cost, ("cost", 800, 3_500));
    // What is remembered of an attempt before says nothing of the last.
    let old = DecisionView { attempt: 1, ..view };
    let told = explanation(job(&[v1::TaskState::Running]), 0, known(&old));
    assert_eq!(told.decision.unwrap().nodes_compared, 0);
}

#[test]
fn of_what_is_forgotten_the_record_is_left() {
    let told = explanation(job(&[v1::TaskState::Failed]), 0, Known::default());
    assert_eq!(told.task.unwrap().name, "a");
    assert!(told.nodes.is_empty());
    let total = |total| {
        Some(v1::Score {
            total,
            terms: Vec::new(),
        })
    };
    let expected = v1::Decision {
        attempt: 2,
        policy: "edf".to_owned(),
        mode: "easy".to_owned(),
        rank: 5,
        backfilled: true,
        node: "n1".to_owned(),
        score: total(800),
        runner_up_score: total(600),
        ..Default::default()
    };
    assert_eq!(told.decision, Some(expected));
}

#[test]
fn what_never_had_a_node_was_never_decided() {
    let mut job = job(&[v1::TaskState::TimedOut]);
    job.tasks[0].attempts[0].decision.clear();
    assert_eq!(explanation(job, 0, Known::default()).decision, None);
}

#[test]
fn obstacles_are_words_and_numbers() {
    let busy = Obstacle::Busy {
        resource: Resource::Cpu,
        wanted: 4_000,
        free: 1_500,
    };
    assert_eq!(obstacle(&busy), "has 1.5 free of the 4 cpu that it needs");
    let small = Obstacle::TooSmall {
        resource: Resource::Named("license".into()),
        wanted: 3,
        capacity: 2,
    };
    assert_eq!(
        obstacle(&small),
        "is too small: has 2 in all of the 3 license that it needs"
    );
    let until = Timestamp(60_000);
    for (what, words) in [
        (
            Obstacle::Quarantined { until },
            "quarantined until 00:01:00",
        ),
        (Obstacle::Draining, "is being drained"),
        (Obstacle::Away, "disconnected"),
        (Obstacle::Apart, "anti-affinity group"),
        (Obstacle::Reserved, "reserved for another task"),
        (
            Obstacle::Constraint(Unmet::Required("region".to_owned())),
            "does not satisfy `region`",
        ),
        (
            Obstacle::Constraint(Unmet::MaxLatency { limit_ms: 9 }),
            "more than 9 ms",
        ),
        (
            Obstacle::Constraint(Unmet::GpuModel("h200".into())),
            "model `h200`",
        ),
        (Obstacle::Constraint(Unmet::Avoided), "one that it avoids"),
    ] {
        assert!(obstacle(&what).contains(words), "{what:?}");
    }
}
