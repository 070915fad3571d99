//! Hosts in network namespaces: one is cut off without anybody being told, and comes back.

use std::{collections::BTreeSet, time::Duration};

use drover_proto::v1::{AttemptState, Job, JobState, NodeState, OnDisconnect, TaskSpec};
use drover_tests::{Cluster, Network, Settings, job, script, until};

const CUT_OFF: Duration = Duration::from_secs(30);
const TASKS: usize = 6;

/// Tells the time for as long as it lives, ten times a second, in a file of the attempt.
const BEAT: &str = "until test -e stop-$DROVER_TASK; do \
    date +%s%3N >> beats-$DROVER_TASK-$DROVER_ATTEMPT; sleep 0.1; done";

fn beating(name: &str, on_disconnect: OnDisconnect) -> TaskSpec {
    TaskSpec {
        on_disconnect: on_disconnect.into(),
        ..script(name, BEAT)
    }
}

/// Half of the tasks are to stop when their host is cut off, half are to keep on.
fn tasks() -> Vec<TaskSpec> {
    let task = |number: usize| match number % 2 {
        0 => beating(&format!("stop{number}"), OnDisconnect::Stop),
        _ => beating(&format!("keep{number}"), OnDisconnect::Keep),
    };
    (0..TASKS).map(task).collect()
}

fn beats(cluster: &Cluster, task: &str, attempt: usize) -> Vec<u64> {
    let text = cluster.read(&format!("beats-{task}-{attempt}"));
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

/// Where the current attempt of each task runs.
fn run(job: &Job) -> bool {
    job.tasks.iter().all(|task| {
        let last = task.attempts.last();
        last.is_some_and(|attempt| attempt.state() == AttemptState::Running)
    })
}

#[tokio::test]
async fn long_a_host_is_cut_off() {
    let Some(network) = Network::of(["c", "n1", "n2", "n3"]) else {
        return;
    };
    let cluster = Settings::agents(3)
        .fast()
        .on_hosts(network)
        .on_sqlite()
        .await;
    let mut spec = job("beat", tasks());
    // All of them fit on two hosts.
    for task in &mut spec.tasks {
        task.resources = Some(drover_proto::v1::Resources {
            cpu_millis: 1_000,
            ..Default::default()
        });
    }
    let id = cluster.submit_spec(spec).await;
    let before = cluster.job_when(&id, run).await;
    let victim = victim(&before);
    let there: Vec<&str> = before
        .tasks
        .iter()
        .filter(|task| task.attempts[0].node == victim)
        .map(|task| task.name.as_str())
        .collect();
    eprintln!("{victim} is cut off with {there:?}");
    for task in &there {
        until("it to beat", async || {
            (!beats(&cluster, task, 1).is_empty()).then_some(())
        })
        .await;
    }
    cluster.network().cut_off(&victim);
    let cut = tokio::time::Instant::now();
    cluster.node_is(&victim, NodeState::Lost).await;
    eprintln!("given up {:?} after the cut", cut.elapsed());
    let moved = cluster
        .job_when(&id, |job| {
            let elsewhere = |task: &drover_proto::v1::Task| {
                let last = task.attempts.last().expect("it has run");
                last.node != victim && last.state() == AttemptState::Running
            };
            job.tasks.iter().all(elsewhere)
        })
        .await;
    eprintln!(
        "everything runs elsewhere {:?} after the cut",
        cut.elapsed()
    );
    tokio::time::sleep_until(cut + CUT_OFF).await;
    for task in &there {
        let alive = cluster.mark().processes_of(&victim);
        let of = |process: &&drover_tests::Marked| {
            process
                .environment
                .get("DROVER_TASK")
                .is_some_and(|name| name == task)
        };
        let lives = alive.iter().any(|process| of(&process));
        assert_eq!(lives, task.starts_with("keep"), "{task} on {victim}");
    }
    cluster.network().heal(&victim);
    cluster.node_is(&victim, NodeState::Ready).await;
    until("what is of no attempt any more to be killed", async || {
        cluster
            .mark()
            .processes_of(&victim)
            .is_empty()
            .then_some(())
    })
    .await;
    never_overlap(&cluster, &there);
    assert_eq!(
        cluster.job(&id).await,
        moved,
        "the healed host changes nothing"
    );

    // It works again.
    let probe = format!("stop-{}", "probe");
    cluster.write(&probe, "");
    for task in &moved.tasks {
        cluster.write(&format!("stop-{}", task.name), "");
    }
    let done = cluster
        .job_when(&id, |job| job.state() == JobState::Succeeded)
        .await;
    for task in &done.tasks {
        let expected = 1 + usize::from(there.contains(&task.name.as_str()));
        assert_eq!(task.attempts.len(), expected, "{task:?}");
    }
    let fills = (0..3).map(|number| {
        let mut task = script(&format!("fill{number}"), "exit 0");
        task.resources = Some(drover_proto::v1::Resources {
            cpu_millis: 4_000,
            ..Default::default()
        });
        task
    });
    let fill = cluster.submit_spec(job("fill", fills.collect())).await;
    cluster
        .job_when(&fill, |job| job.state() == JobState::Succeeded)
        .await;
    let counters = cluster.status().await.counters;
    assert_eq!(counters["lost_nodes"], 1, "{counters:?}");
    assert_eq!(
        counters["lost_attempts"],
        there.len() as u64,
        "{counters:?}"
    );
    cluster.audit(&BTreeSet::from([id, fill])).await;
}

/// A host with tasks of both kinds.
fn victim(job: &Job) -> String {
    let has = |node: &str, kind: &str| {
        job.tasks
            .iter()
            .any(|task| task.attempts[0].node == node && task.name.starts_with(kind))
    };
    let nodes: BTreeSet<&str> = job
        .tasks
        .iter()
        .map(|task| task.attempts[0].node.as_str())
        .collect();
    let both = nodes
        .iter()
        .find(|node| has(node, "stop") && has(node, "keep"));
    (*both.unwrap_or_else(|| panic!("no host has both kinds: {job:?}"))).to_owned()
}

/// Tasks that are to stop had stopped before they began elsewhere.
fn never_overlap(cluster: &Cluster, there: &[&str]) {
    for task in there.iter().filter(|name| name.starts_with("stop")) {
        let first = beats(cluster, task, 1);
        let second = beats(cluster, task, 2);
        let (last, begin) = (first[first.len() - 1], second[0]);
        eprintln!(
            "{task}: stopped {} ms before it ran elsewhere",
            begin.saturating_sub(last)
        );
        assert!(
            last < begin,
            "{task} ran twice at the same time: {last} and {begin}"
        );
    }
}
