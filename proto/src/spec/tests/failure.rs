//! What a user says of failure: limits, retries, undo steps, `finally`.

use super::*;

fn retrying(rule: v1::RetryRule) -> v1::JobSpec {
    with(v1::TaskSpec {
        retry: Some(rule),
        ..task("a", &[])
    })
}

fn rules(spec: &v1::JobSpec) -> drover_model::Rules {
    step(&accepted(spec)).rules
}

#[test]
fn rules_arrive() {
    let spec = with(v1::TaskSpec {
        timeout: seconds(60),
        start_timeout: seconds(30),
        grace: seconds(3_600),
        on_disconnect: v1::OnDisconnect::Stop.into(),
        ..task("a", &[])
    });
    let rules = rules(&spec);
    assert_eq!(
        (rules.timeout_ms, rules.start_timeout_ms, rules.grace_ms),
        (Some(60_000), Some(30_000), 3_600_000)
    );
    assert_eq!(rules.on_disconnect, OnDisconnect::Stop);
    let silent = super::super::compile(&with(task("a", &[])), &Limits::default()).unwrap();
    assert_eq!(step(&silent).rules, drover_model::Rules::default());
}

#[test]
fn limits_are_checked() {
    let with = |change: fn(&mut v1::TaskSpec)| {
        let mut task = task("a", &[]);
        change(&mut task);
        with(task)
    };
    assert_only(
        &with(|task| task.start_timeout = seconds(0)),
        "tasks[0].start_timeout",
        "longer than 0",
    );
    assert_only(
        &with(|task| task.grace = seconds(3_601)),
        "tasks[0].grace",
        "at most 1 hour",
    );
    assert_only(
        &with(|task| task.grace = seconds(-1)),
        "tasks[0].grace",
        "negative",
    );
    assert_only(
        &with(|task| task.on_disconnect = 7),
        "tasks[0].on_disconnect",
        "not 7",
    );
    assert_only(
        &with(|task| task.progress_timeout = seconds(5)),
        "tasks[0].progress_timeout",
        "only a command",
    );
}

#[test]
fn a_progress_limit_goes_to_the_agent() {
    let mut spec = running(v1::task_spec::Run::Command(command(&[b"true"])));
    spec.tasks[0].progress_timeout = seconds(5);
    let payload = step(&accepted(&spec)).payload;
    let payload = v1::TaskPayload::decode(payload).unwrap();
    assert_eq!((payload.progress_timeout_ms, payload.undo), (5_000, false));
    spec.tasks[0].progress_timeout = seconds(0);
    assert_only(&spec, "tasks[0].progress_timeout", "longer than 0");
}

#[test]
fn a_deadline_action_needs_a_deadline() {
    let mut spec = with(task("a", &[]));
    assert_eq!(accepted(&spec).spec.deadline_action, DeadlineAction::None);
    spec.deadline_action = v1::DeadlineAction::None.into();
    assert_eq!(accepted(&spec).spec.deadline_action, DeadlineAction::None);
    spec.deadline_action = v1::DeadlineAction::Cancel.into();
    assert_only(&spec, "deadline_action", "no deadline");
    spec.deadline = Some(v1::job_spec::Deadline::DeadlineAfter(Duration::from(
        std::time::Duration::from_secs(5),
    )));
    assert_eq!(accepted(&spec).spec.deadline_action, DeadlineAction::Cancel);
    spec.deadline_action = v1::DeadlineAction::Escalate.into();
    assert_eq!(
        accepted(&spec).spec.deadline_action,
        DeadlineAction::Escalate
    );
    spec.deadline_action = 9;
    assert_only(&spec, "deadline_action", "not 9");
}

#[test]
fn never_means_never() {
    let never = v1::RetryRule {
        never: true,
        ..Default::default()
    };
    let rule = rules(&retrying(never.clone())).retry;
    assert_eq!((rule.retries, rule.rerun_lost), (0, false));
    for (field, rule) in [
        (
            "retries",
            v1::RetryRule {
                retries: 1,
                ..never.clone()
            },
        ),
        (
            "exit_codes",
            v1::RetryRule {
                exit_codes: vec![1],
                ..never.clone()
            },
        ),
        (
            "fatal_exit_codes",
            v1::RetryRule {
                fatal_exit_codes: vec![1],
                ..never.clone()
            },
        ),
        (
            "max_lost",
            v1::RetryRule {
                max_lost: 1,
                ..never.clone()
            },
        ),
        (
            "backoff",
            v1::RetryRule {
                backoff: seconds(1),
                ..never.clone()
            },
        ),
        (
            "factor_permille",
            v1::RetryRule {
                factor_permille: 2_000,
                ..never
            },
        ),
    ] {
        assert_only(
            &retrying(rule),
            &format!("tasks[0].retry.{field}"),
            "contradicts `never`",
        );
    }
}

#[test]
fn the_longest_wait_is_not_shorter_than_the_first() {
    let spec = retrying(v1::RetryRule {
        retries: 1,
        backoff: seconds(600),
        max_backoff: seconds(1),
        ..Default::default()
    });
    assert_only(
        &spec,
        "tasks[0].retry.max_backoff",
        "is shorter than `backoff`",
    );
}

#[test]
fn losses_are_bounded() {
    let losing = |max_lost| {
        retrying(v1::RetryRule {
            max_lost,
            ..Default::default()
        })
    };
    assert_eq!(rules(&losing(0)).retry.max_lost, 3);
    assert_eq!(rules(&losing(1_000)).retry.max_lost, 1_000);
    assert_only(&losing(1_001), "tasks[0].retry.max_lost", "from 1 to 1000");
}

#[test]
fn exit_codes_are_those_of_processes() {
    let codes = |exit_codes: &[i32], fatal_exit_codes: &[i32]| {
        retrying(v1::RetryRule {
            retries: 1,
            exit_codes: exit_codes.to_vec(),
            fatal_exit_codes: fatal_exit_codes.to_vec(),
            ..Default::default()
        })
    };
    let rule = rules(&codes(&[75, 1, 75], &[64, 255])).retry;
    assert_eq!(&*rule.exit_codes, [1, 75]);
    assert_eq!(&*rule.fatal_exit_codes, [64, 255]);
    for wrong in [-1, 0, 256] {
        assert_only(
            &codes(&[1, wrong], &[]),
            "tasks[0].retry.exit_codes[1]",
            "from 1 to 255",
        );
        assert_only(
            &codes(&[], &[wrong]),
            "tasks[0].retry.fatal_exit_codes[0]",
            "from 1 to 255",
        );
    }
    assert_only(
        &codes(&[3, 4], &[4]),
        "tasks[0].retry.fatal_exit_codes",
        "4 stands in `exit_codes` as well",
    );
}
