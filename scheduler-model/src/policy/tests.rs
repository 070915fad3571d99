use super::*;
use crate::{Priority, Timestamp};

fn facts() -> Facts {
    Facts {
        now: Timestamp(30_000),
        submitted_at: Timestamp(1_000),
        deadline: Some(Timestamp(60_000)),
        priority: Priority::NORMAL,
        width_millis: 4_000,
        estimate_ms: 5_000,
        upward_rank_ms: 20_000,
        job: JobFacts {
            work: 100_000_000,
            work_left: 50_000_000,
            held_millis: 2_000,
        },
        node_score: 500,
    }
}

/// A change of the facts that must move a task forward.
type Improve = fn(&mut Facts);

const FORWARD: [(&str, Improve); 18] = [
    ("aging", |facts| facts.priority = Priority::HIGH),
    ("edf", |facts| facts.deadline = Some(Timestamp(59_999))),
    ("edf-admission", |facts| {
        facts.deadline = Some(Timestamp(59_999));
    }),
    ("f1", |facts| facts.width_millis = 1_000),
    ("fair", |facts| facts.job.held_millis = 1_000),
    ("fifo", |facts| facts.submitted_at = Timestamp(999)),
    ("heft", |facts| facts.upward_rank_ms = 20_001),
    ("llf", |facts| facts.upward_rank_ms = 20_001),
    ("priority", |facts| facts.priority = Priority::HIGH),
    ("saf", |facts| facts.width_millis = 1_000),
    ("score", |facts| facts.node_score = 501),
    ("sjf", |facts| facts.estimate_ms = 4_999),
    ("sjf-cp", |facts| facts.job.work -= 1_000_000),
    ("slack-area", |facts| facts.upward_rank_ms = 25_000),
    ("srpt", |facts| facts.job.work_left -= 1_000_000),
    ("unicep", |facts| facts.submitted_at = Timestamp(0)),
    ("weighted", |facts| facts.job.work_left -= 1_000_000),
    ("wfp3", |facts| facts.submitted_at = Timestamp(0)),
];

#[test]
fn each_rule_prefers_what_its_name_says() {
    for (name, improve) in FORWARD {
        let policy = find(name).unwrap();
        let mut better = facts();
        improve(&mut better);
        assert!(policy.key(&better) < policy.key(&facts()), "{name}");
    }
    let names: Vec<String> = all()
        .iter()
        .map(|policy| policy.name().to_owned())
        .collect();
    assert_eq!(names, FORWARD.map(|(name, _)| name));
}

#[test]
fn fixed_keys_depend_on_nothing_that_changes() {
    for policy in all() {
        let mut later = facts();
        later.now = Timestamp(59_000);
        later.job.work_left = 1;
        later.job.held_millis = 9_000;
        later.node_score = 0;
        let is_same = policy.key(&later) == policy.key(&facts());
        assert_eq!(is_same, policy.order() == Order::Fixed, "{}", policy.name());
    }
}

/// What a round relies on that looks at a key again only when its turn has come.
#[test]
fn what_a_job_gets_in_a_round_never_moves_it_forward() {
    for policy in all() {
        let mut more = facts();
        more.job.held_millis += 1_000;
        assert!(
            policy.key(&more) >= policy.key(&facts()),
            "{}",
            policy.name()
        );
    }
}

#[test]
fn without_a_deadline_tasks_come_last() {
    let without = Facts {
        deadline: None,
        ..facts()
    };
    for name in ["edf", "llf", "edf-admission", "slack-area"] {
        let policy = find(name).unwrap();
        assert!(policy.key(&facts()) < policy.key(&without), "{name}");
        let late = Facts {
            deadline: Some(Timestamp(0)),
            ..facts()
        };
        let goes_behind = policy.order() == Order::Changing;
        assert_eq!(
            policy.key(&without) < policy.key(&late),
            goes_behind,
            "{name}"
        );
    }
}

#[test]
fn what_is_late_goes_behind_what_is_not() {
    let late = Facts {
        deadline: Some(Timestamp(45_000)),
        ..facts()
    };
    for name in ["edf-admission", "slack-area"] {
        let policy = find(name).unwrap();
        assert!(policy.key(&facts()) < policy.key(&late), "{name}");
    }
    let edf = find("edf").unwrap();
    assert!(edf.key(&late) < edf.key(&facts()));
}

#[test]
fn waiting_makes_up_for_priority() {
    let policy = find("aging:10").unwrap();
    let urgent = |submitted_s: i64| Facts {
        priority: Priority::new(52).unwrap(),
        submitted_at: Timestamp(submitted_s * 1_000),
        ..facts()
    };
    assert!(policy.key(&facts()) < policy.key(&urgent(22)));
    assert!(policy.key(&facts()) > policy.key(&urgent(20)));
}

#[test]
fn names_and_numbers_are_checked() {
    for (text, problem) in [
        ("sfj", "did you mean `sjf`?"),
        ("learned-much", "there are aging, edf,"),
        ("saf:3", "takes no number"),
        ("weighted:steep", "an exponent"),
        ("weighted:nan", "an exponent"),
        ("weighted:-0.3333333", "at most 8 signs"),
        ("aging:0", "seconds of waiting"),
        ("", "does not exist"),
    ] {
        let error = find(text).unwrap_err().to_string();
        assert!(error.contains(problem), "{text}: {error}");
    }
    assert_eq!(find("weighted:-1").unwrap().name(), "weighted:-1");
    assert_eq!(find("fcfs").unwrap().name(), "fifo");
}

/// Widths and times that no sane job has neither panic nor overflow.
#[test]
fn extremes_have_keys() {
    let most = Facts {
        now: Timestamp(i64::MAX),
        submitted_at: Timestamp(0),
        deadline: Some(Timestamp(i64::MAX)),
        priority: Priority::URGENT,
        width_millis: u64::MAX,
        estimate_ms: u64::MAX,
        upward_rank_ms: u64::MAX,
        job: JobFacts {
            work: u64::MAX,
            work_left: u64::MAX,
            held_millis: u64::MAX,
        },
        node_score: u16::MAX,
    };
    let least = Facts {
        now: Timestamp(0),
        deadline: Some(Timestamp(0)),
        width_millis: 0,
        estimate_ms: 0,
        upward_rank_ms: 0,
        job: JobFacts::default(),
        ..most
    };
    for policy in all() {
        policy.key(&most);
        policy.key(&least);
    }
}
