//! What is said of failure.

use super::{told, told_of_task};

fn told_of_job(fields: &str, tasks: &str) -> String {
    told(&format!("name: x\n{fields}\ntasks:\n{tasks}\n")).join("\n")
}

#[track_caller]
fn assert_starts(told: &str, start: &str) {
    assert!(told.starts_with(start), "{told}");
}

#[test]
fn of_the_whole_job() {
    let task = "  a: {simulate: {seconds: 1}}";
    assert_starts(
        &told_of_job("on_failure: rollback", task),
        "f:2:13: `on_failure`: nothing could be rolled back: no task has an `undo` step",
    );
    assert_starts(
        &told_of_job("deadline_action: cancel", task),
        "f:2:18: `deadline_action`: the job has no deadline",
    );
    assert_starts(
        &told_of_job("deadline_action: kill", task),
        "f:2:18: expected none, cancel or escalate, found the text \"kill\"",
    );
    assert_starts(
        &told_of_job("queue: q", "  a: {simulate: {seconds: 1}, finally: true}"),
        "f:3:1: `tasks`: every task is `finally`",
    );
    assert_starts(
        &told_of_job(
            "queue: q",
            "  a: {simulate: {seconds: 1}}\n  b: {simulate: {seconds: 1}, finally: true, needs: [a]}",
        ),
        "f:5:54: task `b`, `needs[0]`: `a` is no `finally` task",
    );
}

#[test]
fn of_limits() {
    let cases: [(&str, &[&str]); 5] = [
        (
            "{simulate: {seconds: 1}, start_timeout: @0s}",
            &["here: task `a`, `start_timeout`: must be longer than 0; leave it out for no limit"],
        ),
        (
            "{simulate: {seconds: 1}, progress_timeout: @5s}",
            &[
                "here: task `a`, `progress_timeout`: only a command can report progress; leave this out, or use \
                 `timeout`",
            ],
        ),
        (
            "{simulate: {seconds: 1}, grace: @2h}",
            &["here: task `a`, `grace`: must be at most 1 hour"],
        ),
        (
            "{simulate: {seconds: 1}, on_disconnect: @pause}",
            &["here: expected keep or stop, found the text \"pause\""],
        ),
        (
            "{simulate: {seconds: 1}, finally: @yes}",
            &["here: expected true or false, found the text \"yes\""],
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(told_of_task(fields), expected, "{fields}");
    }
}

#[test]
fn of_retries() {
    let cases: [(&str, &[&str]); 6] = [
        (
            "{simulate: {seconds: 1}, retries: @5000000000}",
            &["here: 5000000000 retries are too many"],
        ),
        (
            "{simulate: {seconds: 1}, retries: @1001}",
            &["here: task `a`, `retry.retries`: must be at most 1000, not 1001"],
        ),
        (
            "{simulate: {seconds: 1}, retries: {max: 1, exit_codes: [1, @256]}}",
            &[
                "here: task `a`, `retry.exit_codes[1]`: must be from 1 to 255 (0 is success, 128 + n is a death by \
                 signal n), not 256",
            ],
        ),
        (
            "{simulate: {seconds: 1}, retries: {max: 1, fatal_exit_codes: [@x]}}",
            &["here: expected an exit code from 1 to 255, found \"x\""],
        ),
        (
            "{simulate: {seconds: 1}, retries: {max: 1, exit_codes: [3], @fatal_exit_codes: [3]}}",
            &[
                "here: task `a`, `retry.fatal_exit_codes`: 3 stands in `exit_codes` as well; is it tried again or not?",
            ],
        ),
        (
            "{simulate: {seconds: 1}, retries: {max: 1, max_lost: @0}}",
            &["here: expected a number from 1 to 1000, found \"0\""],
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(told_of_task(fields), expected, "{fields}");
    }
}

#[test]
fn of_undo_steps() {
    let cases: [(&str, &[&str]); 6] = [
        (
            "{simulate: {seconds: 1}, @undo: {}}",
            &[
                "here: task `a`, `undo`: the undo step runs nothing",
                "  = give it one of command, stress and simulate",
            ],
        ),
        (
            "{simulate: {seconds: 1}, undo: {command: @ls}}",
            &[
                "here: task `a`, `undo.command`: the command is one text, which only a shell can take apart",
                "  = write a list ([\"echo\", \"hello\"]), or add `shell: true`",
            ],
        ),
        (
            "{simulate: {seconds: 1}, undo: {command: [a], env: {X: @\"a\\0b\"}}}",
            &[
                "here: task `a`, `undo.command.env[\"X\"]`: holds a NUL byte at byte 2; no process can be given that",
            ],
        ),
        (
            "{simulate: {seconds: 1}, undo: {command: [a], @needs: [b]}}",
            &[
                "here: unknown field `needs`",
                "  = the fields here are command, shell, env, cwd, stress, simulate, resources, retries, timeout",
            ],
        ),
        (
            "{simulate: {seconds: 1}, undo: {command: [a], retries: {max: @2000}}}",
            &["here: task `a`, `undo.retry.retries`: must be at most 1000, not 2000"],
        ),
        (
            "{simulate: {seconds: 1}, undo: {simulate: {seconds: 1}, @env: {A: b}}}",
            &[
                "here: task `a`, `undo.env`: `env` belongs to a command, and this undo step has none",
            ],
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(told_of_task(fields), expected, "{fields}");
    }
}
