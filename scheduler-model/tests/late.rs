//! Single events: late ones, many at once, and such as ask for nothing or are not recorded.

mod support;

use bytes::Bytes;
use drover_model::{
    Action, AttemptKey, AttemptState, Constraints, DeadlineAction, Effects, Event, FailureRule,
    JobId, JobSpec, NewJob, Outcome, Priority, Report, ReportBatch, ReportKind, Rules, StepSpec,
    TaskSpec, Timestamp, cluster::Config, dispatch::Mode,
};
use support::{Turned, World, cpus, expected, join, reports};

const MINUTE_MS: u64 = 60_000;

fn task(needs: &[u32], start_timeout_ms: Option<u64>) -> TaskSpec {
    TaskSpec {
        needs: needs.into(),
        finally: false,
        step: Some(StepSpec {
            payload: Bytes::from_static(b"x"),
            resources: cpus(1),
            constraints: Constraints::none(),
            apart: None,
            rules: Rules {
                start_timeout_ms,
                ..Rules::default()
            },
            expected: expected(1_000),
            preemptible: false,
        }),
        undo: None,
    }
}

fn job(tasks: Vec<TaskSpec>) -> NewJob {
    NewJob {
        id: JobId::from_u128(1),
        name: "j".into(),
        spec: JobSpec {
            namespace: "default".into(),
            queue: "default".into(),
            priority: Priority::default(),
            deadline: None,
            deadline_action: DeadlineAction::None,
            failure_rule: FailureRule::FailFast,
            tasks,
            groups: Vec::new(),
            may_preempt: false,
        },
        request_id: None,
        traceparent: None,
        stored_spec: Bytes::from_static(b"s"),
        replay_of: None,
        carried: Vec::new(),
    }
}

fn succeeded(started_at: Timestamp, ended_at: Timestamp) -> Report {
    Report {
        key: AttemptKey {
            job: JobId::from_u128(1),
            task: 0,
            attempt: 1,
        },
        what: ReportKind::Ended {
            started_at,
            ended_at,
            outcome: Outcome::Succeeded,
            exit_code: Some(0),
            message: None,
        },
    }
}

fn expired(turned: &Turned) -> usize {
    let attempts = turned.rows.attempts.iter();
    attempts
        .filter(|row| row.state == AttemptState::Expired)
        .count()
}

/// A job of two tasks in a row on one node; the second may wait half a minute.
fn running() -> (World, drover_model::SessionId) {
    let mut world = World::new(Config::default());
    let session = world.next_session();
    world.turn([Event::Join {
        session,
        join: join("n1", 1, cpus(1), vec![]),
    }]);
    let job = job(vec![task(&[], None), task(&[0], Some(MINUTE_MS / 2))]);
    world.store.specs.insert(job.id, job.spec.clone());
    let submit = world.submit(job);
    world.turn([submit]);
    (world, session)
}

#[test]
fn an_outage_does_not_count_as_waiting_for_a_node() {
    let (mut world, _) = running();
    let assigned_at = world.now;
    world.now = assigned_at.plus_ms(MINUTE_MS);
    world.reload();
    let session = world.next_session();
    let mut join = join("n1", 1, cpus(1), vec![]);
    join.reports = ReportBatch {
        sequence: 1,
        reports: vec![succeeded(assigned_at, assigned_at.plus_ms(5_000))],
    };
    let turned = world.turn([Event::Join { session, join }, Event::Tick]);
    assert_eq!(expired(&turned), 0);
}

#[test]
fn the_clock_of_an_agent_does_not_count_as_waiting_for_a_node() {
    let (mut world, session) = running();
    world.now = world.now.plus_ms(MINUTE_MS);
    let behind = Timestamp(world.now.0 - 60 * MINUTE_MS as i64);
    let report = succeeded(behind, behind.plus_ms(1_000));
    let turned = world.turn([reports(session, vec![report]), Event::Tick]);
    assert_eq!(expired(&turned), 0);
}

/// A job of so many tasks, all assigned to one node.
fn with_much(tasks: usize) -> World {
    let mut world = World::new(Config::default());
    let session = world.next_session();
    world.turn([Event::Join {
        session,
        join: join("n1", 1, cpus(tasks as u64), vec![]),
    }]);
    let job = job(vec![task(&[], None); tasks]);
    world.store.specs.insert(job.id, job.spec.clone());
    let submit = world.submit(job);
    world.turn([submit]);
    world.turn([]);
    world
}

/// The first of each task.
fn attempts(tasks: u32) -> impl Iterator<Item = AttemptKey> {
    (0..tasks).map(|task| AttemptKey {
        job: JobId::from_u128(1),
        task,
        attempt: 1,
    })
}

/// More than one turn may hold, so that it is committed in time.
#[test]
fn a_node_with_much_is_given_up_in_parts() {
    const TASKS: usize = 5_000;
    let mut world = with_much(TASKS);
    world.now = world.now.plus_ms(MINUTE_MS);
    let mut lost = 0;
    let mut turns = 0;
    while lost < TASKS {
        let turned = world.turn([Event::Tick]);
        let rows = turned.rows.attempts.len();
        assert!(rows > 0 && rows <= 2_500, "{rows} rows in one turn");
        lost += rows;
        turns += 1;
    }
    assert!(turns > 1);
    assert_eq!(world.cluster.counters().lost_attempts, TASKS as u64);
    assert_eq!(world.cluster.counters().lost_nodes, 1);
}

/// So may one whose agent says that it holds nothing.
#[test]
fn an_agent_that_knows_nothing_any_more_is_believed_in_parts() {
    const TASKS: u32 = 5_000;
    let mut world = with_much(TASKS as usize);
    let now = world.now;
    let started = attempts(TASKS).map(|key| Report {
        key,
        what: ReportKind::Started { at: now },
    });
    let session = world.next_session();
    let mut join = join("n1", 1, cpus(TASKS.into()), vec![]);
    join.reports = ReportBatch {
        sequence: TASKS.into(),
        reports: started.collect(),
    };
    world.turn([Event::Join { session, join }]);
    let mut lost = world.cluster.counters().lost_attempts;
    assert!(lost > 0 && lost <= 500, "{lost} in one turn");
    while lost < u64::from(TASKS) {
        world.turn([Event::Tick]);
        let before = std::mem::replace(&mut lost, world.cluster.counters().lost_attempts);
        assert!(
            lost > before && lost <= before + 2_500,
            "{before} to {lost} in one turn"
        );
    }
}

/// What it was assigned and has not been given up yet may have run in the agent's last life: it is not sent again, by no
/// coordinator.
#[test]
fn what_a_restarted_agent_left_is_lost_though_the_coordinator_dies_meanwhile() {
    const TASKS: u64 = 1_200;
    let mut world = with_much(TASKS as usize);
    let first: Vec<AttemptKey> = attempts(TASKS as u32).collect();
    let rejoin = |world: &mut World| {
        world.now = world.now.plus_ms(1_000);
        let session = world.next_session();
        let join = join("n1", 2, cpus(TASKS), vec![]);
        world.turn([Event::Join { session, join }])
    };
    rejoin(&mut world);
    let lost = world.cluster.counters().lost_attempts;
    assert!(lost > 0 && lost < TASKS, "{lost} before the crash");
    world.reload();
    let turned = rejoin(&mut world);
    let sent = turned.actions.iter().filter_map(|action| match action {
        Action::Assign { assignment, .. } => Some(assignment.key),
        _ => None,
    });
    let sent: Vec<AttemptKey> = sent.collect();
    assert!(!sent.is_empty(), "what was lost before runs again");
    assert!(sent.iter().all(|key| !first.contains(key)));
    while world.cluster.counters().lost_attempts + lost < TASKS {
        let turned = world.turn([Event::Tick]);
        assert!(!turned.rows.attempts.is_empty(), "the rest is lost as well");
    }
}

/// The rest of a node that is back goes on.
#[test]
fn what_was_not_given_up_yet_goes_on_when_the_node_is_back() {
    const TASKS: usize = 3_000;
    let mut world = with_much(TASKS);
    world.now = world.now.plus_ms(MINUTE_MS);
    let lost = world.turn([Event::Tick]).rows.attempts.len();
    let session = world.next_session();
    let mut join = join("n1", 1, cpus(TASKS as u64), vec![]);
    join.running = attempts(TASKS as u32).collect();
    world.turn([Event::Join { session, join }]);
    world.turn([Event::Tick]);
    assert_eq!(world.cluster.counters().lost_attempts, lost as u64);
    assert!(lost < TASKS);
}

fn one_task(number: u128, cpus_wanted: u64, priority: u32) -> NewJob {
    let mut new = job(vec![task(&[], None)]);
    new.id = JobId::from_u128(number);
    new.spec.priority = Priority::new(priority).expect("up to 100");
    let step = new.spec.tasks[0].step.as_mut().expect("it runs");
    step.resources = cpus(cpus_wanted);
    new
}

/// One of two processors is busy, and the first in order needs both.
fn blocked(config: Config) -> World {
    let mut world = World::new(config);
    let session = world.next_session();
    let node = join("n1", 1, cpus(2), vec![]);
    let first = [one_task(1, 1, 50), one_task(2, 2, 50)].map(|job| world.submit(job));
    let join = Event::Join {
        session,
        join: node,
    };
    world.turn([join].into_iter().chain(first));
    assert_eq!(world.cluster.queued_tasks(), 1);
    world
}

#[test]
fn who_comes_behind_what_strict_order_waits_for_asks_for_no_round() {
    let policy = || drover_model::policy::find("priority").expect("a built-in policy");
    for (mode, priority, asks) in [
        (Mode::Strict, 50, false),
        (Mode::Strict, 10, false),
        (Mode::Strict, 90, true),
        (Mode::Easy, 10, true),
        (Mode::Greedy, 10, true),
    ] {
        let mut world = blocked(Config {
            policy: policy(),
            mode,
            ..Config::default()
        });
        let event = world.submit(one_task(3, 1, priority));
        world.cluster.step(world.now, event, world.turn.effects());
        assert_eq!(world.cluster.wants_dispatch(), asks, "{mode} {priority}");
    }
}

#[test]
fn without_records_the_same_is_done_and_nothing_is_written() {
    let [with, without] = [true, false].map(|records| {
        let mut effects = Effects::default();
        let mut world = World::new(Config {
            records,
            ..Config::default()
        });
        let session = world.next_session();
        let node = join("n1", 1, cpus(2), vec![]);
        let events = [
            Event::Join {
                session,
                join: node,
            },
            world.submit(one_task(1, 1, 50)),
        ];
        for event in events {
            world.cluster.step(world.now, event, &mut effects);
        }
        let decision = world.cluster.decide(world.now);
        let event = Event::Dispatch(decision);
        world.cluster.step(world.now, event, &mut effects);
        let ended = succeeded(world.now, world.now);
        let event = reports(session, vec![ended]);
        world.cluster.step(world.now, event, &mut effects);
        assert_eq!(world.cluster.open_jobs(), 0);
        effects
    });
    assert_eq!(with.actions, without.actions);
    assert!(!with.jobs.is_empty() && without.jobs.is_empty());
    assert!(!with.attempts.is_empty() && without.attempts.is_empty());
}
