//! What a task runs.

use super::*;

#[test]
fn the_estimate_is_given_or_follows_from_the_run_or_the_timeout() {
    let estimate = |run, timeout, estimate| {
        let spec = job(vec![v1::TaskSpec {
            run: Some(run),
            timeout,
            estimate,
            ..task("a", &[])
        }]);
        expected_ms(&step(&accepted(&spec)))
    };
    let command = || v1::task_spec::Run::Command(command(&[b"true"]));
    assert_eq!(estimate(command(), None, None), 60_000);
    assert_eq!(estimate(command(), seconds(5), None), 5_000);
    assert_eq!(estimate(command(), seconds(5), seconds(3)), 3_000);
    assert_eq!(estimate(simulate().unwrap(), seconds(5), None), 2_000);
}

#[test]
fn stress_asks_for_its_workers_unless_resources_are_given() {
    let stress = v1::task_spec::Run::Stress(v1::Stress {
        cpu: 3,
        memory_bytes: 0,
        duration: seconds(5),
    });
    let mut spec = running(stress);
    let compiled = accepted(&spec);
    assert_eq!(step(&compiled).resources.cpu_millis, 3_000);
    assert_eq!(expected_ms(&step(&compiled)), 5_000);
    spec.tasks[0].resources = Some(v1::Resources::default());
    assert_eq!(
        step(&accepted(&spec)).resources,
        drover_model::Resources::ZERO
    );
}

#[test]
fn something_must_run() {
    let mut spec = job(vec![task("a", &[])]);
    spec.tasks[0].run = None;
    assert_only(&spec, "tasks[0].run", "command, stress or simulate");
}

#[test]
fn commands_hold_what_a_process_can_be_given() {
    let with = |command| running(v1::task_spec::Run::Command(command));
    assert_only(&with(command(&[])), "tasks[0].command.argv", "is empty");
    assert_only(
        &with(command(&[b""])),
        "tasks[0].command.argv[0]",
        "is empty",
    );
    assert_only(
        &with(command(&[b"echo", b"a\0"])),
        "tasks[0].command.argv[1]",
        "NUL byte at byte 2",
    );
    let env = |name: &str, value: &'static [u8]| {
        let mut command = command(&[b"true"]);
        command
            .env
            .insert(name.to_owned(), Bytes::from_static(value));
        with(command)
    };
    assert_only(&env("A", b"\0"), "tasks[0].command.env[\"A\"]", "NUL");
    assert_only(&env("A=B", b""), "tasks[0].command.env[\"A=B\"]", "`=`");
    assert_only(&env("", b"x"), "tasks[0].command.env[\"\"]", "needs a name");
    let mut spec = command(&[b"true"]);
    spec.cwd = Bytes::from_static(b"/x\0");
    assert_only(&with(spec), "tasks[0].command.cwd", "NUL");
    let mut spec = command(&[b"echo"]);
    spec.argv.push(vec![b'x'; 128 * 1024].into());
    assert_only(&with(spec), "tasks[0].command", "the limit is 131072");
}

#[test]
fn stress_and_simulate_are_checked() {
    let stress = |cpu, duration| {
        running(v1::task_spec::Run::Stress(v1::Stress {
            cpu,
            memory_bytes: 0,
            duration,
        }))
    };
    assert_only(
        &stress(0, seconds(1)),
        "tasks[0].stress",
        "cpu, memory or both",
    );
    assert_only(&stress(1, None), "tasks[0].stress.duration", "missing");
    assert_only(
        &stress(1, seconds(0)),
        "tasks[0].stress.duration",
        "longer than 0",
    );
    assert_only(&stress(u32::MAX, seconds(1)), "tasks[0].stress.cpu", "8192");
    for chance in [f64::NAN, -0.1, 1.1, f64::INFINITY] {
        let spec = running(v1::task_spec::Run::Simulate(v1::Simulate {
            duration: None,
            failure_chance: chance,
        }));
        assert_only(&spec, "tasks[0].simulate.failure_chance", "0.0 to 1.0");
    }
}
