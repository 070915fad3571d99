use drover_coordinator::store::{DeadLetterQuery, Purge, Store};
use drover_model::{
    AttemptRow, AttemptState, JobId, JobRow, JobState, Timestamp, turn::SealedTurn,
};

use crate::{
    databases::Database,
    fixtures::{Leader, dead, dead_letters, full_attempt, id, job_update, new_job, numbered},
    parking::corrupt,
};

fn replay(number: u128, of: u128) -> JobRow {
    let mut job = new_job(number);
    let new = job.new.as_mut().expect("has its fixed part");
    new.replay_of = Some(id(of));
    job
}

/// Commits these jobs as open, and then ends them as failed.
async fn fail(leader: &mut Leader, jobs: Vec<JobRow>, ended_at: impl Fn(JobId) -> Timestamp) {
    let ends = jobs
        .iter()
        .map(|job| JobRow {
            from: Some(JobState::Queued),
            state: JobState::Failed,
            ended_at: Some(ended_at(job.id)),
            new: None,
            ..job.clone()
        })
        .collect();
    leader.commit(leader.with_jobs(jobs)).await;
    leader.commit(leader.with_jobs(ends)).await;
}

pub(crate) async fn a_job_that_ends_dead_becomes_a_letter(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let open = (1..=6).map(new_job);
    leader.commit(leader.with_jobs(open.collect())).await;
    assert_eq!(dead(&*database.store).await, []);
    let ends = [
        (1, JobState::Succeeded),
        (2, JobState::Failed),
        (3, JobState::TimedOut),
        (4, JobState::Cancelled),
        (5, JobState::RolledBack),
        (6, JobState::RollbackFailed),
    ];
    let mut rows: Vec<JobRow> = ends
        .iter()
        .map(|&(number, state)| job_update(number, JobState::Queued, state))
        .collect();
    rows.push(JobRow {
        state: JobState::Failed,
        ended_at: Some(Timestamp(300)),
        ..new_job(7)
    });
    rows.push(JobRow {
        state: JobState::Succeeded,
        ended_at: Some(Timestamp(300)),
        ..new_job(8)
    });
    let turn = SealedTurn {
        attempts: vec![
            full_attempt(7, 0, 1),
            AttemptRow {
                retry_at: None,
                ..full_attempt(7, 0, 2)
            },
        ],
        ..leader.with_jobs(rows)
    };
    leader.commit(turn).await;
    assert_eq!(dead(&*database.store).await, numbered([7, 6, 5, 3, 2]));
    let newest = &dead_letters(&*database.store).await[0].job;
    assert_eq!(
        (newest.row.state, newest.unsuccessful),
        (JobState::Failed, 1)
    );
    for (number, expected) in [(1, false), (2, true), (7, true), (9, false)] {
        let is_dead = database.store.is_dead_letter(id(number)).await;
        assert_eq!(is_dead.expect("asks"), expected, "{number}");
    }
}

pub(crate) async fn a_replay_removes_the_letter_with_its_commit(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    fail(&mut leader, vec![new_job(1), new_job(2)], |_| {
        Timestamp(300)
    })
    .await;
    let surprising = leader.with_jobs(vec![
        replay(3, 1),
        job_update(9, JobState::Queued, JobState::Running),
    ]);
    leader.expect_surprise(surprising).await;
    assert_eq!(dead(&*database.store).await, numbered([2, 1]));
    leader.commit(leader.with_jobs(vec![replay(3, 1)])).await;
    assert_eq!(dead(&*database.store).await, numbered([2]));
    // The letter is gone already: a replay needs none.
    leader.commit(leader.with_jobs(vec![replay(4, 1)])).await;
    let (_, replayed) = database.store.job(id(4)).await.expect("reads");
    assert_eq!(replayed.expect("is there").fixed.replay_of, Some(id(1)));
}

async fn listed(store: &dyn Store, query: &DeadLetterQuery) -> Vec<JobId> {
    let page = store.dead_letters(query).await.expect("lists");
    page.iter().map(|letter| letter.job.row.id).collect()
}

fn job_in(number: u128, namespace: &str, queue: &str) -> JobRow {
    let mut job = new_job(number);
    let new = job.new.as_mut().expect("has its fixed part");
    (new.namespace, new.queue) = (namespace.into(), queue.into());
    job
}

pub(crate) async fn letters_come_in_pages(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let jobs = (0..10).map(|number| {
        let queue = if number % 3 == 0 { "third" } else { "main" };
        let namespace = if number == 9 { "other" } else { "default" };
        job_in(number, namespace, queue)
    });
    fail(&mut leader, jobs.collect(), |_| Timestamp(300)).await;
    let mut query = DeadLetterQuery {
        namespace: "default".into(),
        limit: 4,
        ..DeadLetterQuery::default()
    };
    for expected in [vec![8, 7, 6, 5], vec![4, 3, 2, 1], vec![0], vec![]] {
        let page = listed(&*database.store, &query).await;
        assert_eq!(page, numbered(expected));
        query.before = page.last().copied();
    }
    let third = DeadLetterQuery {
        queue: Some("third".into()),
        before: Some(id(6)),
        ..query.clone()
    };
    assert_eq!(listed(&*database.store, &third).await, numbered([3, 0]));
    let other = DeadLetterQuery {
        namespace: "other".into(),
        before: None,
        ..query
    };
    assert_eq!(listed(&*database.store, &other).await, numbered([9]));
}

/// Attempts of the only task of job 1 to fail, of the first of two in job 2, of a task and an undo step in job 3; what
/// else there is of them has ended well, is retried, or came later.
pub(crate) async fn letters_tell_what_jobs_died_of(database: Database) {
    use AttemptState::{Cancelled, Expired, Failed, Lost, Succeeded, TimedOut};
    let mut leader = Leader::of(&database.store).await;
    let ended = |number, task, attempt, state, at| AttemptRow {
        state,
        ended_at: Some(Timestamp(at)),
        retry_at: None,
        ..full_attempt(number, task, attempt)
    };
    let attempts = vec![
        ended(1, 0, 1, Succeeded, 160),
        full_attempt(1, 1, 1),
        ended(1, 1, 2, Failed, 180),
        ended(1, 2, 1, Cancelled, 170),
        ended(2, 0, 1, Expired, 190),
        ended(2, 1, 1, Lost, 180),
        full_attempt(2, 2, 1),
        ended(2, 2, 2, Succeeded, 170),
        ended(3, 0, 1, Succeeded, 160),
        ended(3, 1, 1, TimedOut, 170),
        full_attempt(3, 3, 1),
        ended(3, 3, 2, Failed, 180),
        ended(4, 0, 1, Failed, 160),
    ];
    let ends = [
        (1, JobState::Failed),
        (2, JobState::Failed),
        (3, JobState::RollbackFailed),
        (4, JobState::Failed),
    ];
    let jobs = ends.map(|(number, state)| JobRow {
        state,
        ended_at: Some(Timestamp(300)),
        ..new_job(number)
    });
    let turn = SealedTurn {
        attempts,
        ..leader.with_jobs(jobs.to_vec())
    };
    leader.commit(turn).await;
    let letters = dead_letters(&*database.store).await;
    let failed = letters.iter().map(|letter| {
        let keys = letter.failed.iter().map(|row| row.key);
        keys.map(|key| (key.task, key.attempt)).collect()
    });
    let expected = [
        vec![(0, 1)],
        vec![(1, 1), (3, 1), (3, 2)],
        vec![(1, 1)],
        vec![(1, 1), (1, 2)],
    ];
    assert_eq!(failed.collect::<Vec<Vec<_>>>(), expected);
}

/// It is left out of what the job died of, and keeps nobody from the rest of the list.
pub(crate) async fn a_letter_with_a_broken_attempt_is_listed(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let dead = JobRow {
        state: JobState::Failed,
        ended_at: Some(Timestamp(300)),
        ..new_job(1)
    };
    let last = AttemptRow {
        retry_at: None,
        ..full_attempt(1, 0, 2)
    };
    let turn = SealedTurn {
        attempts: vec![full_attempt(1, 0, 1), last.clone()],
        ..leader.with_jobs(vec![dead])
    };
    leader.commit(turn).await;
    corrupt(&database, "attempts SET state", "attempt = 1").await;
    let letters = dead_letters(&*database.store).await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].failed, [last]);
}

pub(crate) async fn letters_are_purged_in_their_namespace(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let jobs = (0..8).map(|number| {
        let namespace = if number < 2 { "other" } else { "default" };
        job_in(number, namespace, "main")
    });
    let ended_at = |job: JobId| Timestamp(i64::from(job.as_bytes()[15]) * 10);
    fail(&mut leader, jobs.collect(), ended_at).await;
    let store = &*database.store;
    let purge = async |purge: Purge| store.purge_dead_letters(&purge).await.expect("purges");
    let by_id = Purge::Jobs {
        namespace: "default".into(),
        jobs: numbered([0, 3, 7, 99]),
    };
    assert_eq!(purge(by_id.clone()).await, 2);
    assert_eq!(purge(by_id).await, 0);
    assert_eq!(dead(store).await, numbered([6, 5, 4, 2]));
    let by_time = Purge::EndedBefore {
        namespace: "default".into(),
        time: Timestamp(50),
    };
    assert_eq!(purge(by_time).await, 2);
    assert_eq!(dead(store).await, numbered([6, 5]));
    assert!(
        store.is_dead_letter(id(0)).await.expect("asks"),
        "another namespace"
    );
    let (_, purged) = store.job(id(3)).await.expect("reads");
    assert_eq!(
        purged.expect("its record stays").row.state,
        JobState::Failed
    );
}

/// More than one statement takes.
pub(crate) async fn many_letters_are_purged(database: Database) {
    let mut leader = Leader::of(&database.store).await;
    let jobs = (0..12_000).map(new_job);
    fail(&mut leader, jobs.collect(), |_| Timestamp(300)).await;
    let all = Purge::EndedBefore {
        namespace: "default".into(),
        time: Timestamp(301),
    };
    let purged = database.store.purge_dead_letters(&all).await;
    assert_eq!(purged.expect("purges"), 12_000);
    assert_eq!(dead(&*database.store).await, []);
}

/// The states of attempts in the order of a job's tasks.
pub(crate) async fn states_of_attempts(store: &dyn Store, number: u128) -> Vec<AttemptState> {
    let (_, job) = store.job(id(number)).await.expect("reads");
    let attempts = job.expect("is there").attempts;
    attempts.iter().map(|attempt| attempt.state).collect()
}
