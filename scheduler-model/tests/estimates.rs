//! What is learned of run times is written now and then, and comes back.

mod support;

use drover_model::{
    Action, Answer, AttemptKey, CallerId, Constraints, DeadlineAction, EstimateSource, Event,
    Expected, FailureRule, JobId, JobSpec, Learned, NewJob, Outcome, Priority, Question, Report,
    ReportKind, Rules, SessionId, StepSpec, TaskSpec, cluster::Config,
};
use support::{World, cpus, join, payload, reports};

const WORK: Expected = Expected {
    stated_ms: None,
    default_ms: 60_000,
    signature: 7,
    wide_signature: 8,
};

fn spec() -> JobSpec {
    let step = StepSpec {
        payload: payload("work"),
        resources: cpus(1),
        constraints: Constraints::none(),
        apart: None,
        rules: Rules::default(),
        expected: WORK,
        preemptible: false,
    };
    JobSpec {
        namespace: "default".into(),
        queue: "default".into(),
        priority: Priority::default(),
        deadline: None,
        deadline_action: DeadlineAction::None,
        failure_rule: FailureRule::FailFast,
        tasks: vec![TaskSpec {
            needs: [].into(),
            finally: false,
            step: Some(step),
            undo: None,
        }],
        groups: Vec::new(),
        may_preempt: false,
    }
}

fn submit(world: &mut World) -> (JobId, Event) {
    let id = JobId::from_u128(world.store.specs.len() as u128 + 1);
    world.store.specs.insert(id, spec());
    let event = world.submit(NewJob {
        id,
        name: "work".into(),
        spec: spec(),
        request_id: None,
        traceparent: None,
        stored_spec: payload("work"),
        replay_of: None,
        carried: Vec::new(),
    });
    (id, event)
}

fn connect(world: &mut World) -> SessionId {
    let session = world.next_session();
    let join = join("n1", 1, cpus(1), Vec::new());
    world.turn([Event::Join { session, join }]);
    session
}

/// Runs a job for a second. Returns how many rows of estimates that wrote.
fn run(world: &mut World, session: SessionId) -> usize {
    let (job, submit) = submit(world);
    let submitted = world.turn([submit]);
    let started_at = world.now;
    world.now = started_at.plus_ms(1_000);
    let ended = Report {
        key: AttemptKey {
            job,
            task: 0,
            attempt: 1,
        },
        what: ReportKind::Ended {
            started_at,
            ended_at: world.now,
            outcome: Outcome::Succeeded,
            exit_code: Some(0),
            message: None,
        },
    };
    let ended = world.turn([reports(session, vec![ended]), Event::Tick]);
    world.assert_durable();
    submitted.rows.estimates.len() + ended.rows.estimates.len()
}

#[test]
fn learned_run_times_are_written_now_and_then_and_come_back() {
    let mut world = World::new(Config {
        node_timeout_ms: u64::MAX / 4,
        ..Config::default()
    });
    let session = connect(&mut world);
    let written: Vec<usize> = (0..120).map(|_| run(&mut world, session)).collect();
    let at: Vec<usize> = (0..120).filter(|run| written[*run] > 0).collect();
    assert_eq!(at, [31, 62, 93], "from the second run on, every 30 s");
    let stored = &world.store.estimates;
    let seconds = Box::new([(111, 94)]);
    assert_eq!(
        stored[&(WORK.signature, None)].learned,
        Learned::Runs(seconds)
    );
    assert!(stored.contains_key(&(WORK.wide_signature, None)));
    assert!(stored.contains_key(&(WORK.signature, Some("n1".into()))));

    world.reload();
    let (job, submit) = submit(&mut world);
    let ask = Event::Ask {
        caller: CallerId(1),
        question: Question::Job(job),
    };
    let turned = world.turn([submit, ask]);
    let estimate = turned.actions.iter().find_map(|action| match action {
        Action::Reply {
            answer: Answer::Job(Some(view)),
            ..
        } => view.tasks[0].estimate,
        _ => None,
    });
    let estimate = estimate.expect("it is open");
    assert_eq!(estimate.source, EstimateSource::Signature);
    assert_eq!((estimate.median_ms, estimate.runs), (1_008, 94));
}
