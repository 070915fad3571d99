//! The coordinator is killed in the middle of a job, and nothing is lost and nothing happens twice.

use std::collections::{BTreeMap, BTreeSet};

use drover_proto::v1::{Job, JobState, TaskState};
use drover_tests::{
    Address, Cluster, Fifo, Process, Random, Settings, clean_command, drover, until,
};

const LAYERS: usize = 10;
const WIDTH: usize = 20;
const KILLS: usize = 6;

/// Each task writes who it is when it begins, and again when it ends, with one write to the same file.
const SCRIPT: &str = r#"printf '%s %s begin\n' "$DROVER_TASK" "$DROVER_ATTEMPT" >> lines
sleep 0.02
printf '%s %s end\n' "$DROVER_TASK" "$DROVER_ATTEMPT" >> lines"#;

#[tokio::test]
async fn killed_and_started_again_on_sqlite() {
    survives_kills(Settings::agents(3).on_sqlite().await).await;
}

#[tokio::test]
async fn killed_and_started_again_on_postgres() {
    if let Some(cluster) = Settings::agents(3).on_postgres().await {
        survives_kills(cluster).await;
    }
}

async fn survives_kills(mut cluster: Cluster) {
    let mut random = Random::seeded();
    let needs = dag(&mut random);
    cluster.write("dag.yaml", &yaml(&needs));
    let client = cluster.client(["submit", "dag.yaml", "--wait", "-o", "json"]);
    let mut client = Process::start("client", cluster.directory(), client);
    for kill in 0..KILLS {
        // Anywhere within its share of the lines that a run writes, so that all kills find the job under way.
        let share = 2 * LAYERS * WIDTH / (KILLS + 1);
        let enough = kill * share + 1 + random.below(share);
        eprintln!("kill {} after {enough} lines", kill + 1);
        until("the tasks to begin and end", async || {
            (lines(&cluster).len() >= enough).then_some(())
        })
        .await;
        cluster.crash_coordinator().await;
    }
    let outcome = client.end().await;
    assert_eq!(outcome.code(), Some(0), "{}", client.log());
    let [job] = cluster.all_jobs().await.try_into().expect("one job");
    let job = cluster.job(&job.id).await;
    assert_eq!(job.state(), JobState::Succeeded);
    check(&job, &needs, &lines(&cluster));
}

/// Layers that fan out from one task and in to one task, with two to four needs in between.
fn dag(random: &mut Random) -> BTreeMap<String, BTreeSet<String>> {
    let name = |layer: usize, place: usize| format!("t{layer}-{place}");
    let mut needs = BTreeMap::new();
    for layer in 0..LAYERS {
        // Every third layer is a gate: the tasks after it need its first, which needs all before it.
        let behind_gate = layer % 3 == 1;
        for place in 0..WIDTH {
            let mut needed = BTreeSet::new();
            if layer > 0 && behind_gate {
                needed.insert(name(layer - 1, 0));
            } else if layer > 0 && layer % 3 == 0 && place == 0 {
                needed.extend((0..WIDTH).map(|place| name(layer - 1, place)));
            } else if layer > 0 {
                for _ in 0..2 + random.below(3) {
                    needed.insert(name(layer - 1, random.below(WIDTH)));
                }
            }
            needs.insert(name(layer, place), needed);
        }
    }
    assert_eq!(needs.len(), 200);
    needs
}

fn yaml(needs: &BTreeMap<String, BTreeSet<String>>) -> String {
    let script = SCRIPT.replace('\n', "\n      ");
    let mut text = "name: dag\ntasks:\n".to_owned();
    for (task, needed) in needs {
        let needed: Vec<&str> = needed.iter().map(String::as_str).collect();
        text += &format!(
            "  {task}:\n    needs: [{}]\n    shell: true\n    command: |\n      {script}\n",
            needed.join(", ")
        );
    }
    text
}

/// Only whole ones: the last may be under way.
fn lines(cluster: &Cluster) -> Vec<String> {
    let text = std::fs::read_to_string(cluster.directory().join("lines")).unwrap_or_default();
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    text[..whole].lines().map(str::to_owned).collect()
}

/// Knows nothing of how the system works: compares what the commands did with what the record says.
fn check(job: &Job, needs: &BTreeMap<String, BTreeSet<String>>, lines: &[String]) {
    let mut place = BTreeMap::new();
    for (number, line) in lines.iter().enumerate() {
        let earlier = place.insert(line.as_str(), number);
        assert_eq!(earlier, None, "`{line}` happened twice");
    }
    let mut recorded = BTreeSet::new();
    for task in &job.tasks {
        assert_eq!(task.state(), TaskState::Succeeded, "{task:?}");
        for (index, attempt) in task.attempts.iter().enumerate() {
            assert_eq!(attempt.number as usize, index + 1, "{task:?}");
            recorded.insert((task.name.clone(), attempt.number));
        }
    }
    let begun: BTreeSet<(String, u32)> = lines
        .iter()
        .filter_map(|line| line.strip_suffix(" begin")?.split_once(' '))
        .map(|(task, attempt)| (task.to_owned(), attempt.parse().expect("a number")))
        .collect();
    assert_eq!(begun, recorded, "what ran is what the record says");
    for task in &job.tasks {
        let last = task.attempts.len();
        let begin = place[format!("{} {last} begin", task.name).as_str()];
        let end = place[format!("{} {last} end", task.name).as_str()];
        assert!(begin < end, "{task:?}");
        for needed in &needs[&task.name] {
            let attempts = job.tasks.iter().find(|other| other.name == *needed);
            let last = attempts.expect("a task of the job").attempts.len();
            let needed_end = place[format!("{needed} {last} end").as_str()];
            assert!(needed_end < begin, "{} ran before {needed}", task.name);
        }
    }
}

/// Asked to end, the coordinator ends its streams in order: nobody may take that for the end of the job.
#[tokio::test]
async fn a_restart_in_order_does_not_end_the_wait() {
    let mut cluster = Settings::agents(1).on_sqlite().await;
    let mut begun = Fifo::create(cluster.directory(), "begun");
    // One for each: of two readers of one gate the first release lets both through, one with nothing, and the second finds none.
    let gates = ["gate", "other-gate"].map(|name| Fifo::gate(cluster.directory(), name));
    let job =
        "name: j\ntasks:\n  a: {shell: true, command: 'echo > begun; read line < gate; exit 3'}\n";
    cluster.write("job.yaml", job);
    let wait = cluster.client(["submit", "job.yaml", "--wait"]);
    let mut wait = Process::start("wait", cluster.directory(), wait);
    let run = [
        "run",
        "--shell",
        "--",
        "echo first; echo > begun; read line < other-gate; echo second; exit 3",
    ];
    let mut run = Process::start("run", cluster.directory(), cluster.client(run));
    begun.written().await;
    run.said("first").await;
    until("both to run", async || {
        let jobs = cluster.all_jobs().await;
        let running = jobs.iter().filter(|job| job.state() == JobState::Running);
        (running.count() == 2).then_some(())
    })
    .await;
    assert_eq!(cluster.coordinator().terminate().await.code(), Some(0));
    cluster.start_coordinator().await;
    for gate in &gates {
        Fifo::release(gate).await;
    }
    assert_eq!(wait.end().await.code(), Some(1), "{}", wait.log());
    assert_eq!(run.end().await.code(), Some(3), "{}", run.log());
    let said = run.log();
    let output: Vec<&str> = said
        .lines()
        .filter(|line| ["first", "second"].contains(line))
        .collect();
    assert_eq!(output, ["first", "second"], "{said}");
}

#[tokio::test]
async fn dev_goes_on_where_it_was_killed() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let address = Address::unique();
    let dev = |arguments: &[&str]| {
        let mut command = clean_command(drover());
        command
            .args(["dev", "--data", "data", "--listen", &address.to_string()])
            .args(arguments)
            .current_dir(directory.path());
        Process::start("dev", directory.path(), command)
    };
    let job = "name: j\ntasks:\n  a: {shell: true, command: 'echo >> began; test $DROVER_ATTEMPT = 2 || sleep 1000'}\n  \
               b: {needs: [a], command: [touch, done]}\n";
    std::fs::write(directory.path().join("job.yaml"), job).expect("writable");
    let mut first = dev(&["job.yaml"]);
    until("the first attempt", async || {
        directory.path().join("began").exists().then_some(())
    })
    .await;
    first.kill().await;
    // An agent may have been starting its guard.
    address.comes_free().await;
    let mut second = dev(&[]);
    until("the job to go on", async || {
        directory.path().join("done").exists().then_some(())
    })
    .await;
    assert_eq!(second.terminate().await.code(), Some(0));
}
