//! What connections are accepted, and what ends them.

use super::{assign, end, join, joined, key, session, start, step, welcome};
use crate::{
    Epoch,
    session::{Elapsed, Input, Output, Reason},
};

#[test]
fn an_older_epoch_is_refused() {
    let mut session = session(100);
    join(&mut session);
    step(&mut session, welcome(5, vec![]));
    step(&mut session, Input::Disconnected);
    join(&mut session);
    assert_eq!(
        step(&mut session, welcome(4, vec![])),
        [Output::Close(Reason::OlderEpoch {
            seen: Epoch(5),
            offered: Epoch(4)
        })]
    );
}

#[test]
fn heartbeats_are_numbered_and_silence_ends_the_connection() {
    let mut session = joined(100);
    let beat = Input::HeartbeatDue {
        now: Elapsed(0),
        cpu_permille: 1,
        memory_permille: 2,
    };
    for number in 1..=5 {
        assert_eq!(
            step(&mut session, beat.clone()),
            [Output::Heartbeat {
                number,
                cpu_permille: 1,
                memory_permille: 2
            }]
        );
    }
    assert_eq!(
        step(&mut session, beat.clone()),
        [Output::Close(Reason::HeartbeatsUnanswered)]
    );
    step(&mut session, Input::HeartbeatAcknowledged { number: 5 });
    assert!(matches!(
        step(&mut session, beat)[..],
        [Output::Heartbeat { number: 6, .. }]
    ));
}

#[test]
fn a_full_outbox_closes_the_session_and_passes_assignments_over_until_drained() {
    let mut session = joined(4);
    for task in 1..=4 {
        start(&mut session, task);
    }
    for task in 1..=3 {
        let outputs = step(&mut session, end(task));
        assert!(matches!(outputs[..], [Output::Journal(_)]));
    }
    assert_eq!(
        step(&mut session, end(4)).last(),
        Some(&Output::Close(Reason::OutboxFull))
    );
    step(&mut session, Input::Disconnected);
    join(&mut session);
    step(&mut session, welcome(1, vec![]));
    assert_eq!(step(&mut session, assign(5)), [], "no room for its reports");
    assert_eq!(step(&mut session, Input::Acknowledged { sequence: 1 }), []);
    assert_eq!(
        step(&mut session, Input::Acknowledged { sequence: 2 }),
        [Output::Close(Reason::Drained)]
    );
    step(&mut session, Input::Disconnected);
    assert!(!join(&mut session).running.contains(&key(5)));
    step(&mut session, welcome(1, vec![]));
    assert!(matches!(
        step(&mut session, assign(5))[..],
        [Output::Start(_)]
    ));
}

#[test]
fn messages_out_of_order_end_the_connection() {
    let mut session = session(100);
    join(&mut session);
    assert!(matches!(
        step(&mut session, assign(1))[..],
        [Output::Close(Reason::Unexpected(_))]
    ));
    step(&mut session, welcome(1, vec![]));
    for input in [
        welcome(1, vec![]),
        Input::Acknowledged { sequence: 1 },
        Input::HeartbeatAcknowledged { number: 1 },
    ] {
        assert!(matches!(
            step(&mut session, input)[..],
            [Output::Close(Reason::Unexpected(_))]
        ));
    }
}
