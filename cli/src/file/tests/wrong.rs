//! What a person is told of a file that is wrong.

use super::super::parse;

mod failure;
mod placement;

const TASK_FIELDS: &str = "needs, command, shell, env, cwd, stress, simulate, resources, constraints, \
     anti_affinity, array, gang, preemptible, retries, timeout, start_timeout, progress_timeout, grace, \
     on_disconnect, undo, finally, estimate";
const JOB_FIELDS: &str =
    "name, namespace, queue, priority, deadline, deadline_action, labels, on_failure, tasks";

fn message(source: &str) -> String {
    match parse("f", source) {
        Ok(jobs) => panic!("accepted: {jobs:?}"),
        Err(error) => error.to_string(),
    }
}

/// Header lines and advice, without the excerpts.
fn told(source: &str) -> Vec<String> {
    message(source)
        .lines()
        .filter(|line| line.starts_with("f:") || line.starts_with("  = "))
        .map(|line| line.replace(TASK_FIELDS, "TASK").replace(JOB_FIELDS, "JOB"))
        .collect()
}

/// In a task `a` of an otherwise right job. `@` marks the place that must be named; it becomes `here`.
fn told_of_task(fields: &str) -> Vec<String> {
    let marked = format!("  a: {fields}");
    let place = marked
        .find('@')
        .map(|column| format!("f:3:{}: ", column + 1));
    told(&format!("name: x\ntasks:\n{}\n", marked.replace('@', "")))
        .into_iter()
        .map(|line| match &place {
            Some(place) => line.replacen(place, "here: ", 1),
            None => line,
        })
        .collect()
}

#[test]
fn the_line_is_shown_and_marked() {
    assert_eq!(
        message("name: x\ntasks:\n  a: {comand: [\"true\"]}\n"),
        format!(
            "f:3:7: unknown field `comand`\n  |\n3 |   a: {{comand: [\"true\"]}}\n  |       ^^^^^^\n  \
             = did you mean `command`? The fields here are {TASK_FIELDS}"
        )
    );
}

#[test]
fn wrong_shapes() {
    let cases: [(&str, &[&str]); 9] = [
        (
            "",
            &[
                "f:1:1: there is no job in this file",
                "  = a job is a mapping with at least `name` and `tasks`",
            ],
        ),
        (
            "# nothing\n",
            &[
                "f:1:1: there is no job in this file",
                "  = a job is a mapping with at least `name` and `tasks`",
            ],
        ),
        (
            "- a\n",
            &[
                "f:1:1: expected a mapping, found a list",
                "  = the fields here are JOB",
            ],
        ),
        (
            "hello\n",
            &[
                "f:1:1: expected a mapping, found the text \"hello\"",
                "  = the fields here are JOB",
            ],
        ),
        ("name: x\n", &["f:1:1: field `tasks` is missing"]),
        (
            "tasks:\n  a: {simulate: {seconds: 1}}\n",
            &["f:1:1: field `name` is missing"],
        ),
        (
            "name: x\ntasks: [a, b]\n",
            &["f:2:8: expected a mapping from the name of each task to what it is, found a list"],
        ),
        (
            "name: [x]\ntasks:\n  a: {simulate: {seconds: 1}}\n",
            &["f:1:7: expected a text, found a list"],
        ),
        (
            "name: x\ntasks:\n  a: {command: [\"true\"\n",
            &["f:3:16: unclosed bracket '['"],
        ),
    ];
    for (source, expected) in cases {
        assert_eq!(told(source), expected, "{source}");
    }
}

#[test]
fn wrong_instances() {
    let cases: [(&str, &str); 4] = [
        (
            "array: {count: 2}, gang: {size: 2}",
            "a task is an array or a gang, not both; leave one out",
        ),
        (
            "gang: {size: 2, topology: star}",
            "expected any, same-region or ring",
        ),
        ("array: {count: -2}", "-2"),
        ("array: 5", "expected a mapping"),
    ];
    for (field, expected) in cases {
        let told = told(&format!(
            "name: x\ntasks:\n  a: {{simulate: {{seconds: 1}}, {field}}}\n"
        ));
        assert!(
            told[0].starts_with("f:3:") && told[0].contains(expected),
            "{told:?}"
        );
    }
}

#[test]
fn wrong_job_fields() {
    let tasks = "tasks:\n  a: {simulate: {seconds: 1}}\n";
    let cases: [(&str, &[&str]); 6] = [
        (
            "quue: night",
            &[
                "f:2:1: unknown field `quue`",
                "  = did you mean `queue`? The fields here are JOB",
            ],
        ),
        (
            "name: y",
            &[
                "f:2:1: `name` stands here twice",
                "  = the first is in line 1",
            ],
        ),
        (
            "priority: hi",
            &[
                "f:2:11: priority must be low, normal, high, urgent or a number from 0 to 100, not `hi`",
            ],
        ),
        (
            "deadline: soon",
            &[
                "f:2:11: expected a deadline, found \"soon\"",
                "  = write a duration from submission (10m, 1h30m) or a point in time (2030-01-31T18:00:00Z)",
            ],
        ),
        (
            "on_failure: stop",
            &["f:2:13: expected fail_fast, continue or rollback, found the text \"stop\""],
        ),
        ("labels: [a]", &["f:2:9: expected a mapping, found a list"]),
    ];
    for (field, expected) in cases {
        assert_eq!(
            told(&format!("name: x\n{field}\n{tasks}")),
            expected,
            "{field}"
        );
    }
}

#[test]
fn wrong_task_fields() {
    let cases: [(&str, &[&str]); 19] = [
        (
            "",
            &[
                "f:3:4: expected a mapping, found nothing",
                "  = the fields here are TASK",
            ],
        ),
        (
            "{simulate: {seconds: 1}, needs: @b}",
            &["here: expected a list, found the text \"b\""],
        ),
        (
            "{simulate: {seconds: 1}, timeout: @5}",
            &["here: `5` has no unit; write 5s for seconds, or use ms, m, h or d"],
        ),
        (
            "{simulate: {seconds: 1}, timeout: @-5s}",
            &["here: `-5s` is negative; a duration is not"],
        ),
        (
            "{simulate: {seconds: 1}, resources: {cpu: @-1}}",
            &["here: cpu must not be negative, found -1"],
        ),
        (
            "{simulate: {seconds: 1}, resources: {gpu: @-1}}",
            &["here: the number must not be negative, found -1"],
        ),
        (
            "{simulate: {seconds: 1}, resources: {memory: @5Qi}}",
            &[
                "here: expected an amount of bytes, found \"5Qi\"",
                "  = write a number of bytes or an amount with a unit: 256Mi, 2Gi, 500M, 1G",
            ],
        ),
        (
            "{simulate: {seconds: 1}, resources: {memory: @-5Mi}}",
            &["here: an amount of bytes must not be negative, found -5Mi"],
        ),
        (
            "{simulate: {seconds: 1}, retries: @-1}",
            &["here: retries must not be negative, found -1"],
        ),
        (
            "{simulate: {seconds: 1}, retries: @1.5}",
            &[
                "here: expected a whole number, `none`, or a mapping with `max`, found the number 1.5",
            ],
        ),
        (
            "{simulate: {seconds: 1}, retries: {@maxx: 1}}",
            &[
                "here: unknown field `maxx`",
                "  = did you mean `max`? The fields here are max, backoff, factor, max_backoff, exit_codes, fatal_exit_codes, max_lost",
            ],
        ),
        (
            "{simulate: {seconds: @-1}}",
            &["here: seconds must not be negative, found -1"],
        ),
        (
            "{simulate: {seconds: 1, failure_chance: @2}}",
            &["here: expected a chance from 0.0 to 1.0, found \"2\""],
        ),
        (
            "{@simulate: {}}",
            &["here: task `a`, `simulate`: `simulate` needs `seconds` or `duration`"],
        ),
        (
            "{command: @ls}",
            &[
                "here: task `a`, `command`: the command is one text, which only a shell can take apart",
                "  = write a list ([\"echo\", \"hello\"]), or add `shell: true`",
            ],
        ),
        (
            "{command: @5}",
            &[
                "here: expected a list of program and arguments, or a script with `shell: true`, found the number 5",
            ],
        ),
        (
            "{needs: []}",
            &[
                "f:3:3: task `a`: the task runs nothing",
                "  = give it one of command, stress and simulate",
            ],
        ),
        (
            "{command: [ls], simulate: {seconds: 1}}",
            &[
                "f:3:3: task `a`: the task runs more than one thing",
                "  = keep one of command, stress and simulate",
            ],
        ),
        (
            "{simulate: {seconds: 1}, @env: {A: b}}",
            &["here: task `a`, `env`: `env` belongs to a command, and this task has none"],
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(told_of_task(fields), expected, "{fields}");
    }
}

#[test]
fn every_wrong_task_is_told_of() {
    let source =
        "name: x\nfoo: 1\ntasks:\n  a: {command: 5}\n  b: {timeout: 5}\n---\nname: y\ntasks: 3\n";
    let places: Vec<String> = told(source)
        .into_iter()
        .filter_map(|line| line.strip_prefix("f:").map(|line| line[..4].to_owned()))
        .collect();
    assert_eq!(places, ["2:1:", "4:16", "5:16", "8:8:"]);
}

#[test]
fn what_only_the_whole_job_shows() {
    let cycle = "name: x\ntasks:\n  a: {command: [\"true\"], needs: [b]}\n  b: {command: [\"true\"], needs: [a]}\n";
    let cycle = told(cycle).join("\n");
    assert!(cycle.starts_with("f:3:"), "{cycle}");
    assert!(cycle.contains("a -> b -> a"), "{cycle}");
    let unknown = "name: x\ntasks:\n  load: {command: [\"true\"]}\n  b: {command: [\"true\"], needs: [laod]}\n";
    let unknown = told(unknown).join("\n");
    assert!(
        unknown.starts_with("f:4:34: task `b`, `needs[0]`: "),
        "{unknown}"
    );
    assert!(unknown.contains("`load`"), "{unknown}");
    let twice = "name: x\ntasks:\n  a: {command: [\"true\"]}\n  a: {command: [\"true\"]}\n";
    assert_eq!(
        told(twice),
        ["f:4:3: `a` stands here twice", "  = the first is in line 3"]
    );
    let empty = told("name: x\ntasks: {}\n").join("\n");
    assert!(
        empty.starts_with("f:2:1: ") && empty.contains("at least one task"),
        "{empty}"
    );
    let nul = told("name: \"x\\0\"\ntasks:\n  a: {command: [\"a\\0b\"], env: {X: \"a\\0b\"}}\n");
    let places: Vec<&str> = nul.iter().map(|line| &line[..6]).collect();
    assert_eq!(places, ["f:1:7:", "f:3:17", "f:3:35"], "{nul:?}");
}
