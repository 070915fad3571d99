//! What a coordinator records gives the same when it is stepped through the model again.

mod support;

use std::path::Path;

use drover_coordinator::Coordinator;
use drover_model::{
    cluster::Cluster,
    record::{self, Line},
    turn::{CommitOutcome, Turn},
};
use drover_proto::v1;
use support::{
    DiligentAgent, FakeAgent, ended, execute, jobs, join, options, submit, submit_job, task,
};
use tempfile::tempdir;

/// Steps every leadership of a record. Returns how many there were, and how many turns agreed.
fn replay(path: &Path) -> (u32, u32) {
    let text = std::fs::read_to_string(path).unwrap();
    let (mut leaderships, mut turns) = (0, 0);
    let mut model: Option<(Cluster, Turn)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line: Line<'_> = serde_json::from_str(line).unwrap();
        match line {
            Line::Load {
                now,
                settings,
                snapshot,
            } => {
                leaderships += 1;
                let snapshot = snapshot.into_owned();
                let turn = Turn::new(snapshot.epoch, snapshot.turn);
                let config = settings.config().unwrap();
                model = Some((Cluster::load(config, snapshot, now), turn));
            }
            Line::Event { now, event } => {
                let (cluster, turn) = model.as_mut().unwrap();
                cluster.step(now, event.into_owned(), turn.effects());
            }
            Line::Sealed { turn, now, digest } => {
                let (_, model) = model.as_mut().unwrap();
                let (sealed, replayed) = record::seal(model, now);
                assert_eq!((sealed.turn, replayed), (turn, digest), "line {number}");
                model.committed_as(CommitOutcome::Done);
                turns += 1;
            }
        }
    }
    (leaderships, turns)
}

#[tokio::test]
async fn a_record_replays_to_identical_digests() {
    let dir = tempdir().unwrap();
    let mut recorded = options(dir.path());
    let path = dir.path().join("record.jsonl");
    recorded.record = Some(path.clone());
    let handle = Coordinator::start(recorded.clone()).await.unwrap();
    let mut client = jobs(&handle).await;
    let mut agent = FakeAgent::join(&handle, join("n1", 1_000)).await.unwrap();
    let retried = v1::TaskSpec {
        retry: Some(v1::RetryRule {
            retries: 3,
            ..Default::default()
        }),
        ..task("a", &[])
    };
    let id = submit_job(&mut client, submit("one", vec![retried, task("b", &["a"])])).await;
    for outcome in [v1::Outcome::Failed, v1::Outcome::Succeeded] {
        let assign = agent.assignment().await;
        agent.started(&assign).await;
        agent.finished(&assign, outcome).await;
    }
    agent.assignment().await;
    handle.shutdown().await.unwrap();

    let handle = Coordinator::start(recorded).await.unwrap();
    let mut client = jobs(&handle).await;
    // A leadership that ends in the middle, with a turn that is refused.
    let sql = "CREATE TRIGGER poison BEFORE INSERT ON attempts \
               WHEN (SELECT name FROM jobs WHERE id = NEW.job_id) = 'poison' \
               BEGIN SELECT RAISE(ABORT, 'poison'); END";
    execute(dir.path(), sql).await;
    let poison = submit_job(&mut client, submit("poison", vec![task("a", &[])])).await;
    let _agent = DiligentAgent::start(&handle, "n1");
    for id in [&id, &poison] {
        support::soon("the end of a job", async {
            while support::get(&mut client, id).await.end_time.is_none() {}
        })
        .await;
    }
    let leaderships = support::status(&handle).await.counters["leaderships"];
    handle.shutdown().await.unwrap();
    let (replayed, turns) = replay(&path);
    assert_eq!(u64::from(replayed), 1 + leaderships);
    assert!(replayed > 2 && turns > 10, "{replayed} {turns}");
}

#[tokio::test]
async fn a_record_that_cannot_be_written_stops_nobody() {
    let dir = tempdir().unwrap();
    let mut recorded = options(dir.path());
    recorded.record = Some("/dev/full".into());
    let handle = Coordinator::start(recorded).await.unwrap();
    let _agent = DiligentAgent::start(&handle, "n1");
    let mut client = jobs(&handle).await;
    for _ in 0..3 {
        let id = submit_job(&mut client, submit("one", vec![task("a", &[])])).await;
        let job = ended(&mut client, &id).await;
        assert_eq!(job.state(), v1::JobState::Succeeded);
    }
    handle.shutdown().await.unwrap();
    let mut nowhere = options(dir.path());
    nowhere.record = Some(dir.path().join("missing/record"));
    let error = Coordinator::start(nowhere).await.unwrap_err();
    assert!(error.to_string().contains("missing"), "{error}");
}
