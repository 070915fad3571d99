use super::*;
use crate::trace::{Runs, Wide};

const HEADER: &str = r#"{"header":{"format":"drover-history","version":1,"from_ms":0,"until_ms":9000,"policy":"edf","dispatch_mode":"easy","score_weights":""}}"#;
const NODE: &str = r#"{"node":{"name":"fast","state":"ready","capacity":{"cpu_millis":4000,"memory_bytes":1,"gpus":0,"disk_bytes":0,"named":[]},"attributes":{"class":"gpu"},"speed_permille":2000}}"#;

fn task(name: &str, more: &str, attempts: &str) -> String {
    format!(
        r#"{{"name":"{name}","needs":[],"resources":{{"cpu_millis":1000,"memory_bytes":0,"gpus":0,"disk_bytes":0,"named":[]}},"stated_ms":null,"signature":"00000000000000ff","retries":1{more},"attempts":[{attempts}]}}"#
    )
}

fn job(submitted_ms: i64, state: &str, ended_ms: &str, tasks: &[String]) -> String {
    let tasks = tasks.join(",");
    format!(
        r#"{{"job":{{"id":"j{submitted_ms}","name":"n","owner":"ann","queue":"q","priority":75,"submitted_ms":{submitted_ms},"deadline_ms":null,"state":"{state}","ended_ms":{ended_ms},"cost_micros":7,"energy_joules":0,"tasks":[{tasks}]}}}}"#
    )
}

fn attempt(instance: u32, number: u32, times: [i64; 3], outcome: &str) -> String {
    let [assigned, started, ended] = times;
    format!(
        r#"{{"instance":{instance},"number":{number},"node":"fast","assigned_ms":{assigned},"started_ms":{started},"ended_ms":{ended},"outcome":"{outcome}"}}"#
    )
}

fn file(lines: &[&str]) -> String {
    lines.join("\n") + "\n"
}

fn refusal(lines: &[&str]) -> String {
    let refused = parse(file(lines).as_bytes(), "history", false);
    refused.expect_err("it makes no sense").to_string()
}

#[test]
fn run_times_are_those_of_the_success_at_the_speed_of_its_node() {
    let retried = attempt(0, 1, [2_000, 2_010, 2_020], "failed")
        + ","
        + &attempt(0, 2, [3_000, 3_100, 3_350], "succeeded");
    let line = job(2_000, "succeeded", "3360", &[task("a", "", &retried)]);
    let (trace, _) =
        parse(file(&[HEADER, NODE, &line]).as_bytes(), "history", false).expect("a sound history");
    let job = &trace.jobs[0];
    assert_eq!(
        job.tasks[0].runs,
        Runs::One(500),
        "250 ms on a node of speed 2"
    );
    assert_eq!(
        (job.submitted_ms, &*job.owner, job.priority.get()),
        (0, "ann", 75)
    );
    let recorded = job.recorded.expect("it was recorded");
    assert_eq!(
        (
            recorded.first_start_ms,
            recorded.ended_ms,
            recorded.succeeded,
            recorded.cost_micros
        ),
        (Some(10), Some(1_360), true, 7)
    );
    assert_eq!(trace.nodes[0].speed, 2.0);
}

#[test]
fn what_never_succeeded_takes_as_long_as_its_last_attempt() {
    let failed =
        attempt(0, 1, [0, 10, 20], "failed") + "," + &attempt(0, 2, [30, 40, 80], "failed");
    let line = job(
        0,
        "failed",
        "90",
        &[task("a", "", &failed), task("b", "", "")],
    );
    let (trace, _) =
        parse(file(&[HEADER, NODE, &line]).as_bytes(), "history", false).expect("a sound history");
    let job = &trace.jobs[0];
    assert_eq!(job.tasks.len(), 1, "b never ran, and never will");
    assert_eq!(job.tasks[0].runs, Runs::One(80));
    assert!(!job.recorded.expect("it was recorded").succeeded);
}

#[test]
fn an_open_job_takes_what_equal_work_took() {
    let done =
        attempt(0, 1, [0, 0, 30], "succeeded") + "," + &attempt(1, 1, [0, 0, 50], "succeeded");
    let array = task("a", r#","instances":{"array":{"count":2}}"#, &done);
    let ended = job(0, "succeeded", "50", &[array]);
    let running = r#"{"instance":0,"number":1,"node":"fast","assigned_ms":60,"started_ms":60,"ended_ms":null,"outcome":"running"}"#;
    let open = job(
        60,
        "running",
        "null",
        &[task("a", "", running), task("b", "", "")],
    );
    let cancelled = job(70, "cancelled", "75", &[task("a", "", "")]);
    let text = file(&[HEADER, NODE, &ended, &open, &cancelled]);
    let (trace, skipped) = parse(text.as_bytes(), "history", false).expect("a sound history");
    assert_eq!(trace.jobs.len(), 2);
    assert_eq!(skipped.total(), 1, "nothing of the cancelled one ran");
    let array = &trace.jobs[0].tasks[0];
    assert_eq!(
        (array.wide, &array.runs),
        (Wide::Array, &Runs::Many([60, 100].into()))
    );
    let open = &trace.jobs[1];
    assert_eq!(open.tasks[0].runs, Runs::One(100));
    assert_eq!(open.tasks[1].runs, Runs::One(100));
    assert_eq!(open.recorded.expect("it was recorded").ended_ms, None);
}

#[test]
fn bad_lines_say_where_and_what() {
    let good = job(
        0,
        "succeeded",
        "9",
        &[task("a", "", &attempt(0, 1, [0, 1, 9], "succeeded"))],
    );
    let negative = good.replace(r#""started_ms":1"#, r#""started_ms":10"#);
    let message = refusal(&[HEADER, NODE, &negative]);
    assert!(message.starts_with("line 3, column "), "{message}");
    assert!(
        message.contains("expected attempts that end after they have started"),
        "{message}"
    );
    let text = good.replace(r#""priority":75"#, r#""priority":"high""#);
    let message = refusal(&[HEADER, &text]);
    assert!(
        message.contains(r#"invalid type: string "high", expected u8"#),
        "{message}"
    );
    let state = refusal(&[
        HEADER,
        &good.replace("\"state\":\"succeeded\"", "\"state\":\"done\""),
    ]);
    assert!(state.contains("expected the state of a job"), "{state}");
    let torn = refusal(&[HEADER, &good[..good.len() / 2]]);
    assert!(
        torn.contains("line 2, column") && torn.contains("EOF"),
        "{torn}"
    );
    let newer = refusal(&[&HEADER.replace("\"version\":1", "\"version\":2"), &good]);
    assert!(
        newer.contains("line 1") && newer.contains("from 1 to 1"),
        "{newer}"
    );
    assert!(refusal(&[&good]).contains("expected the header"));
    assert!(refusal(&[HEADER]).contains("no job"));
    let lenient = file(&[HEADER, NODE, &text, &good]);
    let (trace, skipped) = parse(lenient.as_bytes(), "history", true).expect("a good line");
    assert_eq!((trace.jobs.len(), skipped.total()), (1, 1));
}

#[test]
fn lines_are_written_as_they_are_read() {
    let constrained = task(
        "a",
        r#","instances":{"gang":{"size":2,"topology":"ring"}},"constraints":{"require":"class == gpu","prefer":[{"expression":"region","weight":50}],"max_latency_ms":null,"gpu_model":null,"avoid_nodes":["x"]}"#,
        "",
    );
    let line = job(0, "running", "null", &[constrained]);
    let history = read(file(&[HEADER, NODE, &line]).as_bytes(), false).expect("a sound history");
    let written = serde_json::to_string(&Line::Job(Box::new(history.jobs[0].clone())));
    let again = file(&[HEADER, NODE, &written.expect("plain data")]);
    assert_eq!(read(again.as_bytes(), false), Ok(history));
}
