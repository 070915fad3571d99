//! Rows, and turns made of them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use drover_coordinator::store::{Acquired, JobQuery, Lease, Store, StoredJob};
use drover_model::{
    AttemptKey, AttemptRow, AttemptState, Epoch, Intent, JobId, JobRow, JobState, NewJobRow,
    NodeRow, Resources, Timestamp, TurnNumber,
    turn::{CommitOutcome, SealedTurn},
};

pub(crate) const TERM: Duration = Duration::from_secs(60);

/// A leader and the last turn that it committed.
pub(crate) struct Leader {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) epoch: Epoch,
    pub(crate) turn: TurnNumber,
}

impl Leader {
    pub(crate) async fn of(store: &Arc<dyn Store>) -> Self {
        let Acquired::Leader { epoch } = store.acquire("first", TERM).await.expect("acquires")
        else {
            panic!("a new database has no leader");
        };
        let turn = store.lease().await.expect("reads").turn;
        Self {
            store: Arc::clone(store),
            epoch,
            turn,
        }
    }

    /// The next turn, empty.
    pub(crate) fn next(&self) -> SealedTurn {
        SealedTurn {
            epoch: self.epoch,
            turn: self.turn.next(),
            model_time: Timestamp(1_000),
            jobs: Vec::new(),
            attempts: Vec::new(),
            nodes: Vec::new(),
        }
    }

    pub(crate) fn with_jobs(&self, jobs: Vec<JobRow>) -> SealedTurn {
        SealedTurn {
            jobs,
            ..self.next()
        }
    }

    pub(crate) async fn commit(&mut self, turn: SealedTurn) {
        assert_eq!(self.store.commit(&turn, TERM).await, CommitOutcome::Done);
        self.turn = turn.turn;
    }

    /// The turn is refused and has left no trace, and a correct one still works.
    pub(crate) async fn expect_surprise(&mut self, turn: SealedTurn) {
        let before = everything(&*self.store).await;
        assert_eq!(
            self.store.commit(&turn, TERM).await,
            CommitOutcome::Surprised
        );
        assert_eq!(everything(&*self.store).await, before);
        self.commit(self.next()).await;
    }
}

/// All that a reader can see.
pub(crate) async fn everything(
    store: &dyn Store,
) -> (
    Lease,
    Timestamp,
    Vec<NodeRow>,
    Vec<StoredJob>,
    Vec<StoredJob>,
) {
    let lease = store.lease().await.expect("reads the lease");
    let open = store.load(lease.epoch).await.expect("loads");
    let query = JobQuery {
        namespace: "default".into(),
        limit: 1_000,
        ..JobQuery::default()
    };
    let mut all = Vec::new();
    for summary in store.jobs(&query).await.expect("lists") {
        let (turn, job) = store.job(summary.row.id).await.expect("reads a job");
        assert_eq!(turn, lease.turn);
        all.push(job.expect("a listed job exists"));
    }
    (lease, open.model_time, open.nodes, open.jobs, all)
}

pub(crate) fn id(number: u128) -> JobId {
    JobId::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number)
}

pub(crate) fn new_job(number: u128) -> JobRow {
    JobRow {
        id: id(number),
        from: None,
        state: JobState::Queued,
        intent: Intent::Run,
        started_at: None,
        ended_at: None,
        message: None,
        new: Some(Box::new(NewJobRow {
            namespace: "default".into(),
            name: format!("job {number}").into(),
            queue: "main".into(),
            priority: 50,
            submitted_at: Timestamp(100),
            deadline: None,
            request_id: None,
            traceparent: None,
            task_count: 3,
            stored_spec: Bytes::from_static(b"spec"),
        })),
    }
}

/// Every column set, with what is hard to carry.
pub(crate) fn full_job(number: u128) -> JobRow {
    JobRow {
        state: JobState::Running,
        intent: Intent::Cancel,
        started_at: Some(Timestamp(200)),
        message: Some("quote \" ' \\ {null,\"x\"} \n Grüße 🦀".into()),
        new: Some(Box::new(NewJobRow {
            name: "".into(),
            queue: "{},\"\\".into(),
            priority: 100,
            submitted_at: Timestamp(-5),
            deadline: Some(Timestamp(i64::MAX)),
            request_id: Some("null".into()),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
            task_count: 10_000,
            stored_spec: (0..=255).collect(),
            ..*new_job(number).new.expect("has its fixed part")
        })),
        ..new_job(number)
    }
}

pub(crate) fn job_update(number: u128, from: JobState, state: JobState) -> JobRow {
    JobRow {
        from: Some(from),
        state,
        new: None,
        ..new_job(number)
    }
}

pub(crate) fn new_attempt(number: u128, task: u32, attempt: u32) -> AttemptRow {
    AttemptRow {
        key: AttemptKey {
            job: id(number),
            task,
            attempt,
        },
        from: None,
        state: AttemptState::Assigned,
        node: "n1".into(),
        assigned_at: Timestamp(150),
        started_at: None,
        ended_at: None,
        exit_code: None,
        message: None,
        retry_at: None,
        decision: None,
    }
}

pub(crate) fn full_attempt(number: u128, task: u32, attempt: u32) -> AttemptRow {
    AttemptRow {
        state: AttemptState::Failed,
        started_at: Some(Timestamp(160)),
        ended_at: Some(Timestamp(170)),
        exit_code: Some(-9),
        message: Some("\"killed\"".into()),
        retry_at: Some(Timestamp(180)),
        decision: Some("fifo r0".into()),
        ..new_attempt(number, task, attempt)
    }
}

pub(crate) fn attempt_update(
    key: AttemptKey,
    from: AttemptState,
    state: AttemptState,
) -> AttemptRow {
    AttemptRow {
        key,
        from: Some(from),
        state,
        ..new_attempt(0, 0, 1)
    }
}

pub(crate) fn node(name: &str) -> NodeRow {
    NodeRow {
        name: name.into(),
        incarnation: u64::try_from(i64::MAX).expect("positive"),
        agent_version: "0.1.0".into(),
        capacity: Resources {
            cpu_millis: 4_000,
            memory_bytes: 1 << 40,
            gpus: u32::MAX,
            disk_bytes: 7,
        },
        labels: BTreeMap::from([
            ("zone \"a\"".to_owned(), "ü".to_owned()),
            (String::new(), String::new()),
        ]),
        joined_at: Timestamp(120),
    }
}

/// What a reader sees of a job that was inserted so.
pub(crate) fn as_stored(job: &JobRow, attempts: &[AttemptRow]) -> StoredJob {
    StoredJob {
        row: JobRow {
            from: None,
            new: None,
            ..job.clone()
        },
        fixed: *job.new.clone().expect("has its fixed part"),
        attempts: attempts
            .iter()
            .map(|attempt| AttemptRow {
                from: None,
                ..attempt.clone()
            })
            .collect(),
    }
}
