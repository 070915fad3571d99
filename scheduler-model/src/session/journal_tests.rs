//! What outlives the agent's process.

use super::{
    Input, Output,
    tests::{assign, brief, end, join, joined, key, recovered, session, step, welcome},
};
use crate::{Report, ReportKind, Timestamp};

/// What a step gave for the journal.
fn journaled(outputs: Vec<Output>) -> Vec<Report> {
    let reports = outputs.into_iter().filter_map(|output| match output {
        Output::Journal(report) => Some(report),
        _ => None,
    });
    reports.collect()
}

#[test]
fn ends_are_journaled_until_all_are_acknowledged() {
    let mut session = joined(100);
    step(&mut session, assign(1));
    step(&mut session, assign(2));
    let mut journal = journaled(step(&mut session, end(1)));
    journal.extend(journaled(step(&mut session, end(2))));
    assert!(session.unacknowledged().eq(&journal));
    session.take_reports();
    assert_eq!(step(&mut session, Input::Acknowledged { sequence: 1 }), []);
    assert!(session.unacknowledged().eq(&journal[1..]));
    let empty = [Output::JournalEmpty];
    assert_eq!(
        step(&mut session, Input::Acknowledged { sequence: 2 }),
        empty
    );
    assert_eq!(step(&mut session, Input::Acknowledged { sequence: 2 }), []);
}

#[test]
fn refusals_need_no_journal() {
    let mut session = joined(100);
    let stop = Input::Stop {
        key: key(1),
        grace_ms: 0,
        now: Timestamp(1),
    };
    assert_eq!(step(&mut session, stop), []);
    session.take_reports();
    assert_eq!(step(&mut session, Input::Acknowledged { sequence: 1 }), []);
}

#[test]
fn the_next_incarnation_reports_first_what_the_journal_holds() {
    let mut before = joined(100);
    let mut journal = Vec::new();
    for task in 1..=2 {
        step(&mut before, assign(task));
        journal.extend(journaled(step(&mut before, end(task))));
    }
    let mut session = recovered(100, journal);
    let join = join(&mut session);
    assert_eq!((join.reports.sequence, join.running), (2, vec![]));
    assert_eq!(brief(&join.reports), ["-1", "-2"]);
    step(&mut session, welcome(1, vec![]));
    assert_eq!(step(&mut session, assign(1)), [], "it has run");
    assert_eq!(
        step(&mut session, Input::Acknowledged { sequence: 2 }),
        [Output::JournalEmpty]
    );
    assert!(session.is_settled());
}

#[test]
fn nonsense_in_a_journal_is_passed_over() {
    let mut before = joined(100);
    step(&mut before, assign(1));
    let report = journaled(step(&mut before, end(1))).remove(0);
    let started = Report {
        key: key(2),
        what: ReportKind::Started { at: Timestamp(1) },
    };
    let mut session = recovered(100, vec![started, report.clone(), report]);
    assert_eq!(brief(&join(&mut session).reports), ["-1"]);
}

#[test]
fn a_long_journal_is_drained_before_anything_starts() {
    let mut before = joined(100);
    let mut journal = Vec::new();
    for task in 1..=4 {
        step(&mut before, assign(task));
        journal.extend(journaled(step(&mut before, end(task))));
    }
    let mut session = recovered(4, journal);
    join(&mut session);
    step(&mut session, welcome(1, vec![]));
    assert_eq!(step(&mut session, assign(9)), []);
    let outputs = step(&mut session, Input::Acknowledged { sequence: 4 });
    assert!(matches!(
        outputs[..],
        [Output::JournalEmpty, Output::Close(_)]
    ));
}

#[test]
fn without_a_journal_nothing_is_told() {
    assert!(join(&mut session(100)).reports.reports.is_empty());
}
