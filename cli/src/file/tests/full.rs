//! `full.yaml` says everything that can be said.

use drover_proto::v1::{
    Array, Command, DeadlineAction, FailureRule, Gang, JobSpec, OnDisconnect, TaskSpec, Topology,
    UndoStep, task_spec::Instances, undo_step,
};

use super::*;

fn full() -> [JobSpec; 2] {
    let jobs = parse("full.yaml", include_str!("full.yaml"));
    let jobs = jobs.unwrap_or_else(|error| panic!("{error}"));
    jobs.try_into().expect("two documents")
}

fn task(name: &str) -> TaskSpec {
    let [job, _] = full();
    let task = job.tasks.into_iter().find(|task| task.name == name);
    task.expect("a task of the file")
}

fn command(task: TaskSpec) -> Command {
    match task.run {
        Some(Run::Command(command)) => command,
        other => panic!("not a command: {other:?}"),
    }
}

fn undo(task: TaskSpec) -> UndoStep {
    task.undo.expect("an undo step")
}

#[test]
fn fields_of_a_job_arrive() {
    let [job, second] = full();
    assert_eq!((&*job.namespace, &*job.queue), ("team", "night"));
    assert_eq!(job.priority, Some(75));
    let deadline = pbjson_types::Timestamp {
        seconds: 1_896_112_800,
        nanos: 0,
    };
    assert_eq!(job.deadline, Some(Deadline::DeadlineAt(deadline)));
    assert_eq!(job.labels.get("build").map(String::as_str), Some("12"));
    assert_eq!(job.on_failure(), FailureRule::Rollback);
    assert_eq!(job.deadline_action(), DeadlineAction::Escalate);
    assert_eq!(second.name, "second");
}

#[test]
fn tasks_keep_the_order_of_the_file() {
    let [job, _] = full();
    let names: Vec<&str> = job.tasks.iter().map(|task| task.name.as_str()).collect();
    assert_eq!(names, ["z", "y", "x", "v", "u", "w"]);
}

#[test]
fn scripts_and_commands_arrive_as_written() {
    let script = command(task("z"));
    assert!(script.shell);
    assert_eq!(script.argv, ["echo $GREETING > out"]);
    assert_eq!(script.env["LEVEL"], "1.10");
    assert_eq!(script.cwd, "work");
    assert_eq!(command(task("y")).argv, ["sleep", "1.10", "true"]);
}

#[test]
fn loads_arrive() {
    let Some(Run::Simulate(simulate)) = task("x").run else {
        panic!("x is simulated");
    };
    let simulated = (millis(simulate.duration), simulate.failure_chance);
    assert_eq!(simulated, (Some(250), 0.25));
    let Some(Run::Stress(stress)) = task("w").run else {
        panic!("w is a stress load");
    };
    let stressed = (stress.memory_bytes, millis(stress.duration));
    assert_eq!(stressed, (64 << 20, Some(2_000)));
}

#[test]
fn resources_and_limits_arrive() {
    let z = task("z");
    let needed = z.resources.expect("resources");
    assert_eq!(
        (needed.cpu_millis, needed.memory_bytes),
        (500, 1_000_000_000)
    );
    assert_eq!((needed.gpus, needed.disk_bytes), (1, 10 << 30));
    assert_eq!(needed.gpu_model, "h200");
    assert_eq!((needed.custom["license"], needed.custom["fpga"]), (2, 1));
    assert_eq!(millis(z.estimate), Some(90_000));
    assert_eq!(
        [z.timeout, z.start_timeout, z.progress_timeout, z.grace].map(millis),
        [Some(3_600_000), Some(600_000), Some(30_000), Some(20_000)]
    );
}

#[test]
fn constraints_arrive() {
    let z = task("z");
    assert_eq!(z.anti_affinity, "db");
    let constraints = z.constraints.expect("constraints");
    assert_eq!(constraints.require, "class == gpu && label.rack in (7, 8)");
    let preferred: Vec<_> = constraints
        .prefer
        .iter()
        .map(|one| (&*one.expression, one.weight))
        .collect();
    assert_eq!(preferred, [("region == eu", 80), ("!label.spot", 0)]);
    assert_eq!(constraints.max_latency_ms, Some(20));
    assert_eq!(constraints.avoid_nodes, ["host-9", "10"]);
    assert_eq!((task("y").constraints, task("y").resources), (None, None));
}

#[test]
fn instances_arrive() {
    let array = Instances::Array(Array {
        count: 50,
        parallel: 4,
        max_failed: 2,
    });
    let gang = Instances::Gang(Gang {
        size: 3,
        topology: Topology::SameRegion.into(),
    });
    assert_eq!(task("x").instances, Some(array));
    assert_eq!(task("v").instances, Some(gang));
    assert_eq!(task("z").instances, None);
    let agreed = ["x", "z"].map(|name| task(name).preemptible);
    assert_eq!(agreed, [true, false]);
}

#[test]
fn rules_for_failures_arrive() {
    let rule = task("z").retry.expect("a rule");
    assert_eq!((rule.retries, rule.factor_permille), (2, 1_500));
    assert_eq!(
        (millis(rule.backoff), millis(rule.max_backoff)),
        (Some(500), Some(60_000))
    );
    assert_eq!(rule.exit_codes, [75, 130]);
    assert_eq!(rule.fatal_exit_codes, [64]);
    assert_eq!(rule.max_lost, 5);
    assert!(task("y").retry.is_some_and(|rule| rule.never));
    assert_eq!(task("z").on_disconnect(), OnDisconnect::Stop);
    assert_eq!(task("v").on_disconnect(), OnDisconnect::Keep);
    assert!(task("u").finally && !task("v").finally);
}

#[test]
fn undo_steps_arrive() {
    let full = undo(task("z"));
    let Some(undo_step::Run::Command(script)) = full.run else {
        panic!("it is a command");
    };
    assert_eq!((&*script.argv[0], script.shell), (&b"rm out"[..], true));
    assert_eq!(script.env["LEVEL"], "2.0");
    assert_eq!(script.cwd, "work");
    assert_eq!(full.retry.map(|rule| rule.retries), Some(7));
    assert_eq!(millis(full.timeout), Some(300_000));
    assert_eq!(full.resources.map(|r| r.cpu_millis), Some(100));
    let short = undo(task("v"));
    assert!(matches!(short.run, Some(undo_step::Run::Simulate(_))));
    assert_eq!((short.retry, short.resources), (None, None));
}
