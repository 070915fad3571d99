//! What queues give to the tasks of their jobs.

use super::*;
use crate::spec::queue;

fn defaults() -> v1::QueueDefaults {
    v1::QueueDefaults {
        preemption: false,
        retry: Some(v1::RetryRule {
            retries: 5,
            ..Default::default()
        }),
        timeout: seconds(10),
        start_timeout: seconds(20),
        grace: seconds(30),
        on_disconnect: v1::OnDisconnect::Stop.into(),
    }
}

fn night() -> v1::Queue {
    v1::Queue {
        namespace: "team".to_owned(),
        name: "night".to_owned(),
        defaults: Some(defaults()),
    }
}

#[test]
fn tasks_that_say_nothing_get_what_the_queue_says() {
    let mut spec = job(vec![task("a", &[])]);
    spec.tasks[0].undo = Some(v1::UndoStep {
        run: Some(v1::undo_step::Run::Command(command(&[b"undo"]))),
        ..Default::default()
    });
    apply_queue_defaults(&mut spec, &defaults());
    let compiled = accepted(&spec);
    let rules = &step(&compiled).rules;
    assert_eq!(rules.retry.retries, 5);
    assert_eq!(
        (rules.timeout_ms, rules.start_timeout_ms, rules.grace_ms),
        (Some(10_000), Some(20_000), 30_000)
    );
    assert_eq!(rules.on_disconnect, OnDisconnect::Stop);
    let undo = &compiled.spec.tasks[0].undo.as_ref().unwrap().rules;
    assert_eq!((undo.retry.retries, undo.timeout_ms), (3, None));
}

#[test]
fn what_a_task_says_itself_holds() {
    let mut spec = job(vec![v1::TaskSpec {
        retry: Some(v1::RetryRule::default()),
        timeout: seconds(1),
        start_timeout: seconds(2),
        grace: seconds(0),
        on_disconnect: v1::OnDisconnect::Keep.into(),
        ..task("a", &[])
    }]);
    let said = spec.clone();
    apply_queue_defaults(&mut spec, &defaults());
    assert_eq!(spec, said);
    apply_queue_defaults(&mut spec, &v1::QueueDefaults::default());
    assert_eq!(spec, said);
}

#[test]
fn settings_survive_the_store() {
    let row = check_queue(&night()).unwrap();
    assert_eq!((&*row.namespace, &*row.name), ("team", "night"));
    assert_eq!(queue(&row).unwrap(), night());
    assert_eq!(queue_defaults(&row).unwrap(), defaults());
    let nameless = check_queue(&v1::Queue::default()).unwrap();
    assert_eq!(
        (&*nameless.namespace, &*nameless.name),
        ("default", "default")
    );
}

#[test]
fn settings_are_checked_as_tasks_are() {
    let mut wrong = night();
    wrong.name = "a\0".to_owned();
    let settings = wrong.defaults.as_mut().unwrap();
    settings.timeout = seconds(0);
    settings.grace = seconds(4_000);
    settings.on_disconnect = 9;
    let retry = settings.retry.as_mut().unwrap();
    retry.retries = 1_001;
    retry.exit_codes = vec![0];
    let fields: Vec<String> = check_queue(&wrong)
        .unwrap_err()
        .into_iter()
        .map(|violation| violation.field)
        .collect();
    assert_eq!(
        fields,
        [
            "name",
            "defaults.retry.retries",
            "defaults.retry.exit_codes[0]",
            "defaults.timeout",
            "defaults.grace",
            "defaults.on_disconnect"
        ]
    );
}
