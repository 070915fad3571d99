//! Every example, with the command that examples/README.md gives for it.

use std::{path::Path, process::Command};

use drover_tests::{Address, Process, clean_command, drover, repository};

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// The words after `drover` in the row of an example.
fn documented(file: &str) -> Vec<String> {
    let table = read(&repository().join("examples/README.md"));
    let row = table
        .lines()
        .find(|line| line.starts_with(&format!("| [{file}](")))
        .unwrap_or_else(|| panic!("examples/README.md says nothing of {file}"));
    let command = row.split('`').nth(1).expect("a command");
    let words = command.strip_prefix("cargo run --release -- ");
    let words = words.unwrap_or_else(|| panic!("not a command of ours: {command}"));
    words.split(' ').map(str::to_owned).collect()
}

/// Runs it from the root of the repository, with a record and an address of the test.
async fn succeeds(words: &[String], directory: &Path) -> String {
    ends_with(0, words, directory).await
}

/// The same, for examples that end otherwise.
async fn ends_with(code: i32, words: &[String], directory: &Path) -> String {
    let mut command = clean_command(drover());
    place(&mut command, words, directory);
    let mut dev = Process::start("dev", directory, command);
    let status = dev.end().await;
    assert_eq!(status.code(), Some(code), "{words:?}");
    dev.log()
}

fn place(command: &mut Command, words: &[String], directory: &Path) {
    command
        .args(words)
        .args(["--listen", &Address::unique().to_string(), "--data"])
        .arg(directory.join("data"))
        .env("PIPELINE_OUT", directory.join("results"))
        .env("RELEASE_OUT", directory.join("release"))
        .current_dir(repository());
}

#[tokio::test]
async fn the_pipeline_counts_what_is_there() {
    let directory = directory();
    let log = succeeds(&documented("pipeline.yaml"), directory.path()).await;
    assert!(log.contains("pipeline"), "{log}");
    let results = directory.path().join("results");
    let files = read(&results.join("files"));
    assert!(files.contains("scheduler-model/src/lib.rs"), "{files}");
    let sums = read(&results.join("SHA256SUMS"));
    assert_eq!(sums.lines().count(), files.lines().count());
    // In yet another way than the example's own check.
    let words: usize = files
        .lines()
        .map(|file| {
            let text = std::fs::read(repository().join(file)).expect("a source");
            text.split(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_'))
                .filter(|word| !word.is_empty())
                .count()
        })
        .sum();
    assert_eq!(read(&results.join("words")).lines().count(), words);
}

#[tokio::test]
async fn nightly_simulated() {
    let words = documented("nightly.yaml");
    assert!(words.contains(&"--simulate".to_owned()), "{words:?}");
    succeeds(&words, directory().path()).await;
}

/// Needs stress-ng, which scripts/setup installs.
#[tokio::test]
async fn nightly_with_a_real_load() {
    let mut words = documented("nightly.yaml");
    words.retain(|word| word != "--simulate");
    succeeds(&words, directory().path()).await;
}

#[tokio::test]
async fn the_deadline_mix() {
    let directory = directory();
    let log = succeeds(&documented("deadline-mix.yaml"), directory.path()).await;
    for job in [
        "backfill",
        "weekly-report",
        "closing-figures",
        "interactive-query",
        "retrain",
    ] {
        assert!(log.contains(job), "{job}");
    }
}

#[tokio::test]
async fn the_simulated_cluster() {
    succeeds(&documented("simulated-cluster.yaml"), directory().path()).await;
}

#[tokio::test]
async fn the_sweep_is_forgiven_one_and_the_gang_starts_together() {
    let directory = directory();
    let log = succeeds(&documented("sweep-and-train.yaml"), directory.path()).await;
    for told in [
        "sweep[7]: failed",
        "sweep: succeeded",
        "train[2]: succeeded",
    ] {
        assert!(log.contains(told), "{told}: {log}");
    }
}

#[tokio::test]
async fn the_rollback_takes_everything_back() {
    let directory = directory();
    ends_with(1, &documented("rollback.yaml"), directory.path()).await;
    let release = directory.path().join("release");
    let story = read(&release.join("story"));
    let told: Vec<&str> = story.lines().collect();
    assert_eq!(
        told,
        [
            "pages are out",
            "the database is locked",
            "the database is locked",
            "the database is changed",
            "the release is unhealthy",
            "the database is as before",
            "pages are gone again",
            "told at the end",
        ]
    );
    assert!(!release.join("pages").exists() && !release.join("database").exists());
}

#[test]
fn every_example_has_its_command() {
    let tested = [
        "deadline-mix.yaml",
        "nightly.yaml",
        "pipeline.yaml",
        "rollback.yaml",
        "simulated-cluster.yaml",
        "sweep-and-train.yaml",
    ];
    let mut found: Vec<String> = std::fs::read_dir(repository().join("examples"))
        .expect("examples")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    found.sort();
    assert_eq!(found, tested, "each example has a test here");
}

/// The job of the README is the example.
#[test]
fn the_readme_shows_the_smallest_example() {
    let readme = read(&repository().join("README.md"));
    let example = read(&repository().join("examples/nightly.yaml"));
    let job: Vec<&str> = example
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    let job = job.join("\n");
    assert!(readme.contains(&format!("```yaml\n{job}\n```")), "{job}");
}
