//! How many tasks, how they are named, and what they need.

use super::*;

#[test]
fn names_become_ascending_places_without_repeats() {
    let compiled = accepted(&job(vec![
        task("c", &["b", "a", "b"]),
        task("a", &[]),
        task("b", &["a"]),
    ]));
    let needs: Vec<_> = compiled.spec.tasks.iter().map(|t| &*t.needs).collect();
    assert_eq!(needs, [&[1, 2][..], &[], &[1]]);
}

#[test]
fn a_job_needs_tasks_and_not_too_many() {
    assert_only(&job(vec![]), "tasks", "at least one task");
    let tasks = (0..3).map(|n| task(&format!("t{n}"), &[])).collect();
    let problems = compile(
        &job(tasks),
        &Limits {
            tasks_per_job: 2,
            ..Limits::default()
        },
    )
    .unwrap_err();
    assert_eq!(problems[0].field, "tasks");
    assert_eq!(problems[0].problem, "the job has 3 tasks; the limit is 2");
}

#[test]
fn names_are_checked_everywhere() {
    let long = "ä".repeat(201);
    assert!(compile(&job(vec![task(&"ä".repeat(200), &[])]), &Limits::default()).is_ok());
    assert_only(
        &job(vec![task(&long, &[])]),
        "tasks[0].name",
        "201 characters",
    );
    assert_only(&job(vec![task("", &[])]), "tasks[0].name", "1 to 200");
    assert_only(
        &job(vec![task("a\0b", &[])]),
        "tasks[0].name",
        "a NUL byte at character 2",
    );
    let mut spec = job(vec![task("a", &[])]);
    spec.name = "\u{1b}[31m".to_owned();
    assert_only(&spec, "name", "U+001B");
    spec.name = "n".to_owned();
    spec.namespace = "x\n".to_owned();
    spec.queue = "\t".to_owned();
    let problems = refused(&spec);
    assert!(problems[0].starts_with("namespace: "), "{problems:?}");
    assert!(problems[1].starts_with("queue: "), "{problems:?}");
}

#[test]
fn duplicate_and_unknown_names_are_told_apart() {
    let problems = refused(&job(vec![
        task("fetch", &[]),
        task("fetch", &["fetsh"]),
        task("c", &["c", "zzzzzz"]),
    ]));
    assert_eq!(
        problems,
        [
            "tasks[1].name: `fetch` is the name of tasks[0] already; names must be unique within a job",
            "tasks[1].needs[0]: no task is named \"fetsh\"; did you mean `fetch`?",
            "tasks[2].needs[0]: task `c` needs itself",
            "tasks[2].needs[1]: no task is named \"zzzzzz\"",
        ]
    );
}

#[test]
fn a_cycle_is_shown_with_its_path() {
    let spec = job(vec![
        task("x", &["a"]),
        task("a", &["c"]),
        task("b", &["a"]),
        task("c", &["b"]),
    ]);
    let problems = refused(&spec);
    assert_eq!(problems.len(), 1);
    let path = problems[0].rsplit(": ").next().unwrap();
    // Where a cycle begins is the graph's choice; its order is not.
    assert!(
        ["a -> c -> b -> a", "c -> b -> a -> c", "b -> a -> c -> b"].contains(&path),
        "{path}"
    );
}
