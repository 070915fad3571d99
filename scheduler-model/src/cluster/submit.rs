//! A job arrives.

use std::{num::NonZeroU64, sync::Arc};

use smallvec::SmallVec;

use super::{
    Cluster,
    job::{Counts, Dependents, Job},
    task::{Phase, Task},
};
use crate::{
    Action, Answer, CallerId, Effects, FailureRule, Intent, JobId, JobRow, JobSpec, JobState,
    NewJob, NewJobRow, Refusal, RetryRule, Submitted, Timestamp, TurnNumber, dag,
};

impl Cluster {
    pub(super) fn submit(
        &mut self,
        now: Timestamp,
        caller: CallerId,
        jobs: Vec<NewJob>,
        looked_up: TurnNumber,
        effects: &mut Effects,
    ) {
        let answer = match self.find_duplicates(&jobs, looked_up) {
            Ok(duplicates) => Answer::Submitted(
                jobs.into_iter()
                    .zip(duplicates)
                    .map(|(job, duplicate)| self.submit_one(now, job, duplicate, effects))
                    .collect(),
            ),
            Err(refusal) => Answer::Refused(refusal),
        };
        effects.actions.push(Action::Reply { caller, answer });
    }

    /// Before anything changes, so that a refused batch stores nothing.
    fn find_duplicates(
        &self,
        jobs: &[NewJob],
        looked_up: TurnNumber,
    ) -> Result<Vec<Option<JobId>>, Refusal> {
        jobs.iter()
            .map(|job| self.requests.find(job, looked_up))
            .collect()
    }

    fn submit_one(
        &mut self,
        now: Timestamp,
        job: NewJob,
        duplicate: Option<JobId>,
        effects: &mut Effects,
    ) -> Submitted {
        if let Some(job) = duplicate {
            return Submitted {
                job,
                duplicate: true,
            };
        }
        self.requests.remember(&job, effects.turn);
        let id = job.id;
        let deadline = job.spec.deadline.map(|deadline| deadline.at(now));
        effects.jobs.push(JobRow {
            id,
            from: None,
            state: JobState::Queued,
            intent: Intent::Run,
            started_at: None,
            ended_at: None,
            message: None,
            new: Some(Box::new(NewJobRow {
                namespace: Arc::clone(&job.spec.namespace),
                name: job.name,
                queue: Arc::clone(&job.spec.queue),
                priority: job.spec.priority.get(),
                submitted_at: now,
                deadline,
                request_id: job.request_id,
                traceparent: job.traceparent.clone(),
                task_count: job.spec.tasks.len() as u32,
                stored_spec: job.stored_spec,
            })),
        });
        let open = self.compile(id, job.spec, now, deadline, job.traceparent);
        let slot = self.jobs.insert(open);
        self.queue_what_is_ready(slot);
        Submitted {
            job: id,
            duplicate: false,
        }
    }

    /// The job in memory, with every task pending.
    pub(super) fn compile(
        &mut self,
        id: JobId,
        spec: JobSpec,
        submitted_at: Timestamp,
        deadline: Option<Timestamp>,
        traceparent: Option<Arc<str>>,
    ) -> Job {
        let needs: Vec<Box<[u32]>> = spec.tasks.iter().map(|task| task.needs.clone()).collect();
        let ranks = dag::upward_ranks(&needs, |task| spec.tasks[task].estimate_ms);
        let edges = Dependents::of(needs.iter().map(|needs| &**needs));
        let tasks: SmallVec<[Task; 1]> = spec
            .tasks
            .into_iter()
            .zip(needs)
            .zip(ranks)
            .map(|((task, needs), upward_rank_ms)| Task {
                phase: Phase::Pending {
                    unmet: needs.len() as u32,
                },
                needs,
                payload: self.payloads.keep(&task.payload),
                shape: self.ready.use_shape(&task.resources),
                own_retry: (task.retry != RetryRule::default()).then(|| Box::new(task.retry)),
                timeout_ms: task.timeout_ms.and_then(NonZeroU64::new),
                estimate_ms: task.estimate_ms,
                upward_rank_ms,
                attempt: 0,
                failures: 0,
                losses: 0,
                avoid: None,
            })
            .collect();
        Job {
            id,
            arrival: 0,
            queue: self.ready.use_queue(&spec.namespace, &spec.queue),
            priority: spec.priority,
            deadline,
            submitted_at,
            failure_rule: spec.failure_rule,
            intent: Intent::Run,
            written: (JobState::Queued, Intent::Run),
            message: None,
            traceparent,
            counts: Counts::recompute(&tasks),
            tasks,
            edges: edges.map(Box::new),
        }
    }

    /// Whether the rest of a job goes on when a task of it has failed for good.
    pub(super) fn fails_fast(job: &Job) -> bool {
        job.failure_rule == FailureRule::FailFast
    }
}
