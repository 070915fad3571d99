//! What a user says of undo steps and `finally`.

use super::*;

fn undo() -> v1::UndoStep {
    v1::UndoStep {
        run: Some(v1::undo_step::Run::Command(command(&[b"undo"]))),
        ..Default::default()
    }
}

#[test]
fn a_rollback_needs_something_to_undo() {
    let mut spec = with(task("a", &[]));
    spec.on_failure = v1::FailureRule::Rollback.into();
    assert_only(&spec, "on_failure", "no task has an `undo` step");
    spec.tasks[0].undo = Some(undo());
    assert_eq!(accepted(&spec).spec.failure_rule, FailureRule::Rollback);
}

#[test]
fn an_undo_step_is_like_its_task_unless_it_says_otherwise() {
    let mut spec = with(v1::TaskSpec {
        undo: Some(undo()),
        resources: Some(v1::Resources {
            cpu_millis: 250,
            ..Default::default()
        }),
        timeout: seconds(9),
        grace: seconds(1),
        on_disconnect: v1::OnDisconnect::Stop.into(),
        retry: Some(v1::RetryRule {
            never: true,
            ..Default::default()
        }),
        ..task("a", &[])
    });
    let step = accepted(&spec).spec.tasks[0].undo.clone().unwrap();
    assert_eq!(step.resources.cpu_millis, 250);
    assert_eq!(step.rules.retry.retries, 3);
    assert!(step.rules.retry.rerun_lost);
    assert_eq!((step.rules.timeout_ms, step.rules.grace_ms), (None, 1_000));
    assert_eq!(step.rules.on_disconnect, OnDisconnect::Stop);
    assert_eq!(expected_ms(&step), 60_000);
    let payload = v1::TaskPayload::decode(step.payload).unwrap();
    assert_eq!((&*payload.task_name, payload.undo), ("a", true));
    let own = spec.tasks[0].undo.as_mut().unwrap();
    own.retry = Some(v1::RetryRule::default());
    own.timeout = seconds(4);
    own.resources = Some(v1::Resources::default());
    let step = accepted(&spec).spec.tasks[0].undo.clone().unwrap();
    assert_eq!(step.resources, drover_model::Resources::ZERO);
    assert_eq!(
        (step.rules.retry.retries, step.rules.timeout_ms),
        (0, Some(4_000))
    );
    assert_eq!(expected_ms(&step), 4_000);
}

#[test]
fn undo_steps_are_checked_as_tasks_are() {
    let undoing = |undo| {
        with(v1::TaskSpec {
            undo: Some(undo),
            ..task("a", &[])
        })
    };
    assert_only(
        &undoing(v1::UndoStep::default()),
        "tasks[0].undo.run",
        "nothing to run",
    );
    assert_only(
        &undoing(v1::UndoStep {
            run: Some(v1::undo_step::Run::Command(command(&[b"x", b"\0"]))),
            ..Default::default()
        }),
        "tasks[0].undo.command.argv[1]",
        "NUL",
    );
    assert_only(
        &undoing(v1::UndoStep {
            retry: Some(v1::RetryRule {
                retries: u32::MAX,
                ..Default::default()
            }),
            ..undo()
        }),
        "tasks[0].undo.retry.retries",
        "at most 1000",
    );
    assert_only(
        &undoing(v1::UndoStep {
            timeout: seconds(0),
            ..undo()
        }),
        "tasks[0].undo.timeout",
        "longer than 0",
    );
}

#[test]
fn finally_tasks_keep_to_themselves() {
    let finally = |name, needs: &[&str]| v1::TaskSpec {
        finally: true,
        ..task(name, needs)
    };
    let spec = job(vec![
        task("a", &[]),
        finally("b", &[]),
        finally("c", &["b"]),
    ]);
    let kinds: Vec<bool> = accepted(&spec)
        .spec
        .tasks
        .iter()
        .map(|t| t.finally)
        .collect();
    assert_eq!(kinds, [false, true, true]);
    assert_only(
        &job(vec![task("a", &[]), finally("b", &["a"])]),
        "tasks[1].needs[0]",
        "may need only its kind",
    );
    assert_only(
        &job(vec![task("a", &["b"]), finally("b", &[])]),
        "tasks[0].needs[0]",
        "runs only when this one has ended",
    );
    assert_only(&job(vec![finally("b", &[])]), "tasks", "at least one");
    let undone = v1::TaskSpec {
        undo: Some(undo()),
        ..finally("b", &[])
    };
    assert_only(
        &job(vec![task("a", &[]), undone]),
        "tasks[1].undo",
        "nothing would undo it",
    );
}
