//! What is wrong is refused with words that name the place, and stores nothing.

mod wire;

use drover_tests::{Address, Cluster, Process, Settings, clean_command, drover, within_limit};

/// Files, and the words that a person is told.
const FILES: [(&str, &[&str]); 13] = [
    (
        "name: x\ntasks:\n  a: {needs: [c], command: [\"true\"]}\n  b: {needs: [a], command: [\"true\"]}\n  \
         c: {needs: [b], command: [\"true\"]}\n",
        &["wrong.yaml:3:", "a -> c -> b -> a"],
    ),
    (
        "name: x\ntasks:\n  load: {command: [\"true\"]}\n  b: {needs: [laod], command: [\"true\"]}\n",
        &["wrong.yaml:4:15", "\"laod\"", "did you mean `load`?"],
    ),
    (
        "name: x\ntasks:\n  a: {command: [\"true\"]}\n  a: {command: [\"true\"]}\n",
        &["wrong.yaml:4:3", "`a` stands here twice"],
    ),
    (
        "name: x\ntasks: {}\n",
        &["wrong.yaml:2:1", "at least one task"],
    ),
    (
        "name: x\ntasks:\n  a: {command: [\"true\"], timeout: 5 parsecs}\n",
        &["wrong.yaml:3:35", "5 parsecs"],
    ),
    (
        "name: x\ntasks:\n  a: {command: [\"true\"], resources: {cpu: -1}}\n",
        &["wrong.yaml:3:43", "cpu must not be negative"],
    ),
    (
        "name: x\ntasks:\n  a: {comand: [\"true\"]}\n",
        &[
            "wrong.yaml:3:7",
            "unknown field `comand`",
            "did you mean `command`?",
        ],
    ),
    ("- a\n- b\n", &["wrong.yaml:1:1", "expected a mapping"]),
    (
        "name: x\ntasks: [a]\n",
        &["wrong.yaml:2:8", "expected a mapping"],
    ),
    ("{\"name\": \"x\", \"tasks\": ", &["wrong.yaml:1:"]),
    (
        "name: \"x\\0\"\ntasks:\n  a: {command: [\"true\"]}\n",
        &["wrong.yaml:1:7", "NUL byte"],
    ),
    (
        "name: x\ntasks:\n  a: {command: [\"a\\0b\"]}\n",
        &["wrong.yaml:3:17", "NUL byte"],
    ),
    (
        "name: x\ntasks:\n  a: {command: [\"true\"], env: {X: \"a\\0b\"}}\n",
        &["wrong.yaml:3:35", "NUL byte"],
    ),
];

async fn nothing_is_stored(cluster: &Cluster) {
    let list = cluster.run(["job", "list", "-o", "json"]).await.succeeded();
    let list: drover_proto::v1::ListJobsResponse = serde_json::from_str(&list).expect("a list");
    assert_eq!(list.jobs, [], "nothing is stored");
}

#[tokio::test]
async fn files_that_are_wrong() {
    let cluster = Settings::agents(0).on_sqlite().await;
    for (text, expected) in FILES {
        cluster.write("wrong.yaml", text);
        // A right job beside it is not stored either.
        cluster.write(
            "right.yaml",
            "name: r\ntasks:\n  a: {command: [\"true\"]}\n",
        );
        let answer = cluster.run(["submit", "right.yaml", "wrong.yaml"]).await;
        let told = answer.failed_with(1);
        for words in expected {
            assert!(told.contains(words), "{words:?} is missing in:\n{told}");
        }
        let told_again = cluster.run(["validate", "wrong.yaml"]).await.failed_with(1);
        for words in expected {
            assert!(
                told_again.contains(words),
                "{words:?} is missing in:\n{told_again}"
            );
        }
    }
    nothing_is_stored(&cluster).await;
}

fn coordinator(flags: &[&str], directory: &std::path::Path) -> Process {
    let mut command = clean_command(drover());
    command
        .arg("coordinator")
        .args(flags)
        .current_dir(directory);
    Process::start("coordinator", directory, command)
}

#[tokio::test]
async fn nobody_serves_the_world_by_accident() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut exposed = coordinator(&["--listen", "0.0.0.0:0"], directory.path());
    assert_eq!(exposed.end().await.code(), Some(1));
    assert!(
        exposed.log().contains("--insecure-no-auth"),
        "{}",
        exposed.log()
    );
    let record = directory.path().join(".drover");
    assert!(!record.exists(), "it has not even opened the store");
    let unreachable = ["--listen", "0.0.0.0:0", "--insecure-no-auth"];
    let mut nowhere = coordinator(&unreachable, directory.path());
    assert_eq!(nowhere.end().await.code(), Some(1));
    assert!(
        nowhere.log().contains("--advertise http://HOST:PORT"),
        "{}",
        nowhere.log()
    );
    let flags = [
        "--listen",
        "0.0.0.0:0",
        "--insecure-no-auth",
        "--advertise",
        "http://127.0.0.1:7700",
    ];
    let mut insecure = coordinator(&flags, directory.path());
    insecure.said("serving").await;
    insecure.said("nobody is authenticated").await;
    insecure.terminate().await;
}

#[tokio::test]
async fn no_coordinator_is_an_error_of_its_own() {
    let url = Address::unique().url();
    let mut command = tokio::process::Command::from(clean_command(drover()));
    command
        .args(["job", "list", "--address", &url])
        .kill_on_drop(true);
    let output = within_limit("the client", command.output())
        .await
        .expect("it starts");
    assert_eq!(output.status.code(), Some(3));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains(&url) && told.contains("drover dev"), "{told}");
}
