//! A job arrives.

use std::{collections::BTreeSet, sync::Arc};

use smallvec::SmallVec;

use super::{Cluster, job::Counts, jobs::JobSlot, phase::Kind};
use crate::{
    Action, Answer, AttemptKey, AttemptRow, AttemptState, CallerId, Carried, Effects, Intent,
    JobId, JobRow, JobState, NewJob, NewJobRow, Rate, Refusal, Submitted, Timestamp, TurnNumber,
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
        let checked = self.find_duplicates(&jobs, looked_up);
        let checked = checked.and_then(|duplicates| {
            self.refuse_impossible(&jobs, &duplicates)?;
            Ok(duplicates)
        });
        let answer = match checked {
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
    ) -> Result<SmallVec<[Option<JobId>; 1]>, Refusal> {
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
        self.at_work = Some(job.id);
        self.requests.remember(&job, effects.turn);
        let id = job.id;
        let deadline = job.spec.deadline.map(|deadline| deadline.at(now));
        if self.config.records {
            effects.spec_bytes += job.stored_spec.len();
            effects.jobs.push(new_row(&job, now, deadline));
        }
        let open = self.compile(id, job.spec, now, deadline, job.traceparent);
        self.arrivals.note(now, open.counts.work);
        let slot = self.jobs.insert(open);
        if job.carried.is_empty() {
            self.queue_what_is_ready(now, slot);
        } else {
            self.carry(now, slot, job.replay_of, &job.carried, effects);
        }
        // What carries everything over has ended.
        if let Some(slot) = self.jobs.find(id) {
            self.watch_or_pass_deadline(now, slot, effects);
        }
        Submitted {
            job: id,
            duplicate: false,
        }
    }

    /// Takes over what had succeeded in the job that is replayed.
    fn carry(
        &mut self,
        now: Timestamp,
        slot: JobSlot,
        from: Option<JobId>,
        carried: &[Carried],
        effects: &mut Effects,
    ) {
        let decision = from.map(|from| format!("carried {from}").into_boxed_str());
        for carried in self.whole_gangs(slot, carried) {
            let job = self.jobs.get_mut(slot);
            let task = &mut job.tasks[carried.task as usize];
            task.become_carried(carried.state);
            if let Some(node) = self.nodes.find(&carried.node) {
                task.count_end(carried.state, node);
            }
            effects.attempts.push(AttemptRow {
                key: AttemptKey {
                    job: job.id,
                    task: carried.task,
                    attempt: 1,
                },
                from: None,
                state: carried.state,
                node: carried.node.clone(),
                assigned_at: carried.assigned_at,
                started_at: (carried.state != AttemptState::Expired).then_some(carried.started_at),
                ended_at: Some(carried.ended_at),
                exit_code: None,
                message: None,
                retry_at: None,
                decision: decision.clone(),
                // It was paid for by the job that is replayed.
                rate: Rate::default(),
            });
        }
        let job = self.jobs.get_mut(slot);
        job.settle_what_never_ran(Kind::Main);
        job.counts = Counts::recompute(&job.tasks);
        self.queue_what_is_ready(now, slot);
        self.advance(now, slot, effects);
        self.write_job(slot, now, effects);
    }

    /// Without members of gangs of which not all had succeeded: these start together again.
    fn whole_gangs<'a>(&self, slot: JobSlot, carried: &'a [Carried]) -> Vec<&'a Carried> {
        let job = self.jobs.get(slot);
        let places: BTreeSet<u32> = carried.iter().map(|carried| carried.task).collect();
        let is_whole = |task| {
            let members = job
                .gang_of(task)
                .map(|gang| gang.spec.first..gang.spec.whole());
            members.is_none_or(|mut members| members.all(|member| places.contains(&member)))
        };
        carried
            .iter()
            .filter(|carried| is_whole(carried.task))
            .collect()
    }
}

fn new_row(job: &NewJob, submitted_at: Timestamp, deadline: Option<Timestamp>) -> JobRow {
    JobRow {
        id: job.id,
        from: None,
        state: JobState::Queued,
        intent: Intent::Run,
        started_at: None,
        ended_at: None,
        message: None,
        new: Some(Box::new(NewJobRow {
            namespace: Arc::clone(&job.spec.namespace),
            name: Arc::clone(&job.name),
            queue: Arc::clone(&job.spec.queue),
            priority: job.spec.priority.get(),
            submitted_at,
            deadline,
            request_id: job.request_id.clone(),
            traceparent: job.traceparent.clone(),
            task_count: job.spec.tasks.len() as u32,
            stored_spec: job.stored_spec.clone(),
            replay_of: job.replay_of,
        })),
    }
}
