//! The machine, driven by hand.

use super::*;
use crate::{
    CallerId, Join, Question, ReportBatch, Resources, SessionId, Snapshot, Timestamp, TurnNumber,
    cluster::Config, turn::CommitOutcome,
};

const START: Duration = Duration::from_secs(100);
const LEASE: Duration = Duration::from_secs(3);
const NOBODY: Lanes = Lanes {
    control: 0,
    requests: 0,
};
const DONE: Landing = Landing::Answered(CommitOutcome::Done);
const UNKNOWN: Landing = Landing::Answered(CommitOutcome::Unknown);

fn lead(careful: bool) -> Lead<()> {
    let config = Config {
        careful,
        ..Config::default()
    };
    let clock = ModelClock::start(Timestamp(0), Timestamp(1_000), START);
    let cluster = Cluster::load(config, Snapshot::default(), clock.at(START));
    let turn = Turn::new(Epoch(1), TurnNumber(0));
    let terms = Terms {
        lease: LEASE,
        room: Room::new(4),
    };
    Lead::new(turn, cluster, clock, terms, Caution::default(), START)
}

/// After its first commit.
fn leading(careful: bool) -> Lead<()> {
    let mut lead = lead(careful);
    assert!(matches!(lead.next(START, NOBODY), Next::Commit));
    lead.seal(clocks(START));
    assert!(performs(&lead.landed(clocks(START), DONE)));
    lead
}

fn clocks(now: Duration) -> Clocks {
    Clocks {
        now,
        since_boot: now * 2,
    }
}

fn performs(follow: &Follow) -> bool {
    matches!(follow, Follow::Perform { .. })
}

fn ask() -> Event {
    Event::Ask {
        caller: CallerId(1),
        question: Question::Nodes,
    }
}

fn join(session: u64) -> Control<()> {
    let join = Join {
        node: format!("n{session}").into(),
        incarnation: 1,
        agent_version: "1".into(),
        capacity: Resources {
            cpu_millis: 1_000,
            ..Resources::ZERO
        },
        attributes: crate::NodeAttributes::default(),
        running: Vec::new(),
        reports: ReportBatch::default(),
    };
    Control::Join {
        session: SessionId(session),
        join: Box::new(join),
        connection: (),
    }
}

/// What a host does with an agent's message.
fn take(lead: &mut Lead<()>, now: Duration, message: Control<()>) {
    if let Admission::Step(Control::Join { session, join, .. }) = lead.admit(now, message) {
        lead.step(now, Event::Join { session, join });
    }
}

#[test]
fn agents_come_before_callers_and_a_turn_is_sealed_when_all_are_heard() {
    let mut lead = leading(false);
    let mut lanes = Lanes {
        control: 1,
        requests: 2,
    };
    assert!(matches!(lead.next(START, lanes), Next::TakeControl));
    lanes.control = 0;
    lead.step(START, ask());
    assert!(matches!(lead.next(START, lanes), Next::TakeRequest));
    lead.step(START, ask());
    assert!(matches!(lead.next(START, NOBODY), Next::Commit));
}

#[test]
fn while_a_commit_is_in_flight_the_open_turn_takes_what_it_has_room_for() {
    let mut lead = leading(false);
    lead.step(START, ask());
    lead.seal(clocks(START));
    let crowd = Lanes {
        control: 0,
        requests: 9,
    };
    let mut taken = 0;
    let takes = loop {
        match lead.next(START, crowd) {
            Next::TakeRequest => lead.step(START, ask()),
            Next::Wait { takes, .. } => break takes,
            other => panic!("{other:?}"),
        }
        taken += 1;
    };
    assert_eq!((taken, takes), (4, false));
    lead.landed(clocks(START), DONE);
    assert!(matches!(lead.next(START, crowd), Next::Commit));
}

#[test]
fn an_idle_leadership_renews_its_lease_and_listens() {
    let mut lead = leading(false);
    let Next::Wait { until, takes } = lead.next(START, NOBODY) else {
        panic!("nothing to do");
    };
    assert_eq!((until, takes), (START + LEASE / 3, true));
    assert!(matches!(
        lead.next(until, NOBODY),
        Next::Hear { stall: None }
    ));
    assert!(matches!(lead.next(until, NOBODY), Next::Commit));
}

#[test]
fn after_a_stall_everybody_is_excused() {
    let mut lead = leading(false);
    let late = START + HEARD_INTERVAL * 3;
    let Next::Hear { stall } = lead.next(late, NOBODY) else {
        panic!("it is time to hear");
    };
    assert_eq!(stall, Some(HEARD_INTERVAL * 2));
}

#[test]
fn what_is_due_is_judged_after_what_agents_have_said_however_many_callers_wait() {
    let mut lead = leading(false);
    take(&mut lead, START, join(1));
    let due = lead.cluster().next_timer().expect("a silence to be judged");
    let due = lead.clock().moment(due);
    lead.seal(clocks(START));
    lead.landed(clocks(START), DONE);
    assert!(matches!(lead.next(due, NOBODY), Next::Hear { .. }));
    let mut crowd = Lanes {
        control: 2,
        requests: usize::MAX,
    };
    while crowd.control > 0 {
        assert!(matches!(lead.next(due, crowd), Next::TakeControl));
        crowd.control -= 1;
    }
    assert!(matches!(lead.next(due, crowd), Next::Tick));
    assert!(matches!(lead.next(due, crowd), Next::TakeRequest));
}

/// A tick may write much. Into a full turn nothing comes before that is committed, not even what is due.
#[test]
fn what_is_due_waits_until_the_open_turn_has_room() {
    let mut lead = leading(false);
    take(&mut lead, START, join(1));
    let late = START + Duration::from_secs(20);
    lead.seal(clocks(START));
    lead.landed(clocks(START), DONE);
    for _ in 0..4 {
        lead.step(late, ask());
    }
    lead.seal(clocks(late));
    for _ in 0..4 {
        lead.step(late, ask());
    }
    let lanes = Lanes {
        control: 3,
        requests: 3,
    };
    let takes = loop {
        match lead.next(late, lanes) {
            Next::Hear { .. } => {}
            Next::Wait { takes, .. } => break takes,
            other => panic!("{other:?}"),
        }
    };
    assert!(!takes);
    lead.landed(clocks(late), DONE);
    assert!(matches!(lead.next(late, lanes), Next::Commit));
    lead.seal(clocks(late));
    assert!(matches!(lead.next(late, NOBODY), Next::Tick));
}

#[test]
fn with_care_each_event_waits_for_the_commit_before() {
    let mut lead = leading(true);
    take(&mut lead, START, join(1));
    take(&mut lead, START, join(2));
    assert_eq!(lead.waiting_connections().count(), 2);
    let crowd = Lanes {
        control: 1,
        requests: 1,
    };
    for waiting in [1, 0] {
        let Next::StepControl(Control::Join { session, join, .. }) = lead.next(START, crowd) else {
            panic!("what was taken before comes first");
        };
        lead.step(START, Event::Join { session, join });
        assert_eq!(lead.waiting_connections().count(), waiting);
        assert!(matches!(lead.next(START, crowd), Next::Commit));
        lead.seal(clocks(START));
        assert!(matches!(
            lead.next(START, crowd),
            Next::Wait { takes: false, .. }
        ));
        lead.landed(clocks(START), DONE);
    }
    assert!(matches!(lead.next(START, crowd), Next::TakeControl));
    let callers = Lanes {
        control: 0,
        requests: 1,
    };
    assert!(matches!(lead.next(START, callers), Next::TakeRequest));
    assert!(lead.is_careful());
}

/// The cluster is told, or each round would go on with one placement and one timer.
#[test]
fn care_ends_for_the_cluster_too() {
    let mut lead = leading(true);
    while lead.is_careful() {
        assert!(lead.cluster().config().careful);
        lead.seal(clocks(START));
        lead.landed(clocks(START), DONE);
    }
    let Next::Step(event) = lead.next(START, NOBODY) else {
        panic!("the cluster is still careful");
    };
    assert_eq!(event, Event::Relax);
    lead.step(START, event);
    assert!(!lead.cluster().config().careful);
    let callers = Lanes {
        control: 0,
        requests: 1,
    };
    assert!(matches!(lead.next(START, callers), Next::TakeRequest));
}

#[test]
fn an_unknown_outcome_is_read_and_sent_again_until_it_is_known() {
    let mut lead = leading(false);
    lead.step(START, ask());
    let sealed = lead.seal(clocks(START));
    let follow = lead.landed(clocks(START), UNKNOWN);
    assert!(matches!(follow, Follow::ReadLease));
    assert!(matches!(
        lead.next(START, NOBODY),
        Next::Wait { takes: false, .. }
    ));
    let Follow::Pause(pause) = lead.lease_unreadable(START) else {
        panic!("there is time");
    };
    let then = clocks(START + pause);
    assert!(matches!(lead.resume(then), Follow::ReadLease));
    let before = TurnNumber(sealed.turn.0 - 1);
    assert!(matches!(
        lead.lease_shows(then, Epoch(1), before),
        Follow::Pause(_)
    ));
    let again = clocks(START + pause * 2);
    assert!(matches!(lead.resume(again), Follow::Send(sent) if sent == sealed));
    assert!(matches!(lead.landed(again, UNKNOWN), Follow::ReadLease));
    let Follow::Perform { renewed_at, .. } = lead.lease_shows(again, Epoch(1), sealed.turn) else {
        panic!("it happened");
    };
    assert_eq!(renewed_at, again.since_boot);
}

#[test]
fn nothing_is_waited_for_longer_than_the_lease() {
    let end = START + LEASE;
    let mut lead = leading(false);
    lead.seal(clocks(START));
    let Next::Wait { until, .. } = lead.next(START, NOBODY) else {
        panic!("a commit is in flight");
    };
    assert!(until <= end);
    assert!(matches!(lead.next(end, NOBODY), Next::End(Ended::RanOut)));
    lead.landed(clocks(START), UNKNOWN);
    let late = lead.lease_unreadable(end - Duration::from_millis(1));
    assert!(matches!(late, Follow::End(Ended::RanOut)));
}

#[test]
fn a_commit_that_lands_after_its_lease_is_not_performed() {
    let mut lead = leading(false);
    lead.seal(clocks(START));
    // The host has slept: one clock stood still.
    let woken = Clocks {
        now: START,
        since_boot: START * 2 + LEASE,
    };
    let late = lead.landed(woken, DONE);
    assert!(matches!(late, Follow::End(Ended::Late)));
}

#[test]
fn what_makes_the_store_panic_is_not_sent_again() {
    let mut lead = leading(false);
    lead.step(START, ask());
    let sealed = lead.seal(clocks(START));
    assert!(matches!(
        lead.landed(clocks(START), Landing::Panicked),
        Follow::ReadLease
    ));
    let before = TurnNumber(sealed.turn.0 - 1);
    let follow = lead.lease_shows(clocks(START), Epoch(1), before);
    assert!(matches!(follow, Follow::End(Ended::Poisoned)));
    let poison = lead.refused().expect("a turn that was sent");
    assert_eq!((poison.alone, poison.caller), (true, Some(CallerId(1))));
}

#[test]
fn the_end_waits_for_what_is_open() {
    let mut lead = leading(false);
    lead.step(START, ask());
    lead.seal(clocks(START));
    lead.step(START, ask());
    lead.close();
    let crowd = Lanes {
        control: 1,
        requests: 1,
    };
    assert!(matches!(
        lead.next(START, crowd),
        Next::Wait { takes: false, .. }
    ));
    lead.landed(clocks(START), DONE);
    assert!(matches!(lead.next(START, crowd), Next::Commit));
    lead.seal(clocks(START));
    lead.landed(clocks(START), DONE);
    assert!(matches!(
        lead.next(START, crowd),
        Next::End(Ended::Shutdown)
    ));
}
