//! Rows, and turns made of them.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use drover_coordinator::store::{
    Acquired, DeadLetter, DeadLetterQuery, JobQuery, Store, StoredJob,
};
use drover_model::{
    AttemptKey, AttemptRow, AttemptState, Epoch, EstimateRow, Intent, JobId, JobRow, JobState,
    NewJobRow, NodeRow, QueueRow, Rate, Timestamp, TurnNumber,
    turn::{CommitOutcome, SealedTurn},
};

use crate::leases::applicant;

pub(crate) const TERM: Duration = Duration::from_secs(60);

/// A leader and the last turn that it committed.
pub(crate) struct Leader {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) epoch: Epoch,
    pub(crate) turn: TurnNumber,
}

impl Leader {
    pub(crate) async fn of(store: &Arc<dyn Store>) -> Self {
        let acquired = store.acquire(&applicant("first"), TERM).await;
        let Ok(Acquired::Leader { epoch }) = acquired else {
            panic!("a new database has no leader, but: {acquired:?}");
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
            queues: Vec::new(),
            policy_events: Vec::new(),
            estimates: Vec::new(),
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

    pub(crate) async fn expect_surprise(&mut self, turn: SealedTurn) {
        self.expect(CommitOutcome::Surprised, turn).await;
    }

    pub(crate) async fn expect_refusal(&mut self, turn: SealedTurn) {
        self.expect(CommitOutcome::Refused, turn).await;
    }

    /// The turn has left no trace, and a correct one still works.
    async fn expect(&mut self, outcome: CommitOutcome, turn: SealedTurn) {
        let before = everything(&*self.store).await;
        assert_eq!(self.store.commit(&turn, TERM).await, outcome);
        assert_eq!(everything(&*self.store).await, before);
        self.commit(self.next()).await;
    }
}

/// All that a reader can see of the namespace `default`, but for how long the lease still holds.
#[derive(Debug, PartialEq)]
pub(crate) struct Everything {
    pub(crate) holder: String,
    pub(crate) epoch: Epoch,
    pub(crate) turn: TurnNumber,
    pub(crate) model_time: Timestamp,
    pub(crate) nodes: Vec<NodeRow>,
    pub(crate) queues: Vec<QueueRow>,
    pub(crate) estimates: Vec<EstimateRow>,
    pub(crate) open: Vec<StoredJob>,
    /// Newest first.
    pub(crate) all: Vec<StoredJob>,
    pub(crate) dead: Vec<DeadLetter>,
}

pub(crate) async fn everything(store: &dyn Store) -> Everything {
    let lease = store.lease().await.expect("reads the lease");
    let open = store.load(lease.epoch).await.expect("loads");
    assert_eq!(open.turn, lease.turn);
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
    Everything {
        holder: lease.holder,
        epoch: lease.epoch,
        turn: lease.turn,
        model_time: open.model_time,
        nodes: open.nodes,
        queues: open.queues,
        estimates: open.estimates,
        open: open.jobs,
        all,
        dead: dead_letters(store).await,
    }
}

pub(crate) async fn dead_letters(store: &dyn Store) -> Vec<DeadLetter> {
    let query = DeadLetterQuery {
        namespace: "default".into(),
        limit: 1_000,
        ..DeadLetterQuery::default()
    };
    store.dead_letters(&query).await.expect("lists")
}

/// Ids of the dead letters, newest first.
pub(crate) async fn dead(store: &dyn Store) -> Vec<JobId> {
    let letters = dead_letters(store).await;
    letters.iter().map(|letter| letter.job.row.id).collect()
}

pub(crate) fn numbered(numbers: impl IntoIterator<Item = u128>) -> Vec<JobId> {
    numbers.into_iter().map(id).collect()
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
            replay_of: None,
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
            replay_of: Some(id(u128::from(u64::MAX))),
            ..*new_job(number).new.expect("has its fixed part")
        })),
        ..new_job(number)
    }
}

/// It ends at 300 if it does.
pub(crate) fn job_update(number: u128, from: JobState, state: JobState) -> JobRow {
    JobRow {
        from: Some(from),
        state,
        ended_at: state.is_final().then_some(Timestamp(300)),
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
        rate: Rate::default(),
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
        rate: Rate {
            cost_per_hour_micros: u64::try_from(i64::MAX).expect("positive"),
            power_milliwatts: 123_456,
        },
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

pub(crate) fn queue(name: &str, settings: &'static [u8]) -> QueueRow {
    QueueRow {
        namespace: "default".into(),
        name: name.into(),
        settings: Bytes::from_static(settings),
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
