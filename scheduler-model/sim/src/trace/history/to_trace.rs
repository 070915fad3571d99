//! A history as something to simulate.
//!
//! The true run time of a task is that of its attempt that succeeded, times the speed of its node. A task that never
//! succeeded takes as long as its last attempt that ran, and its job's record says that it failed; the simulator lets it
//! succeed. What has not run yet takes what equal work took (the median), else what its user says, else a minute. Of a job
//! that has ended, tasks that never ran are left out, and so is a job of which nothing ran: nobody knows what they would
//! have taken. Times count from the first submission.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use drover_model::{AttemptState, Constraints, JobState, Priority};

use super::{
    History,
    line::{AttemptLine, Instances, JobLine, NodeLine, TaskLine},
};
use crate::trace::{
    ParseTraceError, Recorded, Runs, Skipped, Trace, TraceJob, TraceNode, TraceTask, Wide, order,
};

const UNKNOWN_MS: u64 = 60_000;

impl History {
    /// # Errors
    /// When nothing in it ever ran, or tasks need each other.
    pub fn trace(&self, name: &str) -> Result<(Trace, Skipped), ParseTraceError> {
        let mut skipped = self.skipped.clone();
        let mut jobs: Vec<&JobLine> = self.jobs.iter().collect();
        jobs.sort_by_key(|job| job.submitted_ms);
        let first = jobs.first().ok_or(ParseTraceError::Empty {
            expected: "at least one job",
        })?;
        let reading = Reading {
            begin_ms: first.submitted_ms,
            speeds: self.speeds(),
            medians: BTreeMap::new(),
        };
        let reading = reading.with_medians(&jobs);
        let mut traced = Vec::with_capacity(jobs.len());
        for job in jobs {
            match reading.job(job)? {
                Some(job) => traced.push(job),
                None => {
                    *skipped
                        .lines
                        .entry("a job of which something ran")
                        .or_default() += 1;
                }
            }
        }
        let trace = Trace {
            name: name.into(),
            nodes: self.trace_nodes(),
            jobs: traced,
        };
        Ok((trace, skipped))
    }

    fn speeds(&self) -> BTreeMap<&str, f64> {
        let nodes = self.nodes.iter();
        nodes.map(|node| (&*node.name, speed(node))).collect()
    }

    /// Those that are there, and those that were when something ran.
    fn trace_nodes(&self) -> Vec<TraceNode> {
        let attempts = self.jobs.iter().flat_map(|job| &job.tasks);
        let used: BTreeSet<&str> = attempts
            .flat_map(|task| &task.attempts)
            .map(|attempt| &*attempt.node)
            .collect();
        let is_gone = |node: &NodeLine| matches!(node.state.as_str(), "left" | "lost");
        let kept = |node: &&NodeLine| !is_gone(node) || used.contains(&*node.name);
        let nodes = self.nodes.iter().filter(kept);
        nodes
            .map(|node| TraceNode {
                name: Arc::clone(&node.name),
                capacity: node.capacity.clone(),
                attributes: node.attributes.clone(),
                speed: speed(node),
                failure: None,
            })
            .collect()
    }
}

fn speed(node: &NodeLine) -> f64 {
    f64::from(node.speed_permille.max(1)) / 1_000.0
}

struct Reading<'a> {
    begin_ms: i64,
    speeds: BTreeMap<&'a str, f64>,
    /// Of runs that succeeded, by signature.
    medians: BTreeMap<u64, u64>,
}

impl Reading<'_> {
    fn with_medians(mut self, jobs: &[&JobLine]) -> Self {
        let mut runs: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for task in jobs.iter().flat_map(|job| &job.tasks) {
            let succeeded = task.attempts.iter().filter(|attempt| succeeded(attempt));
            let run_ms = succeeded.filter_map(|attempt| self.run_ms(attempt));
            runs.entry(task.signature).or_default().extend(run_ms);
        }
        let median = |(signature, mut runs): (u64, Vec<u64>)| {
            runs.sort_unstable();
            Some((signature, *runs.get(runs.len() / 2)?))
        };
        self.medians = runs.into_iter().filter_map(median).collect();
        self
    }

    /// `None`: nothing of it ran, and nothing will.
    fn job(&self, job: &JobLine) -> Result<Option<TraceJob>, ParseTraceError> {
        let is_kept = |task: &TaskLine| !job.state.is_final() || own(job, task).any(ran);
        let kept: Vec<usize> = (0..job.tasks.len())
            .filter(|place| is_kept(&job.tasks[*place]))
            .collect();
        if kept.is_empty() {
            return Ok(None);
        }
        let needs: Vec<Vec<usize>> = kept
            .iter()
            .map(|place| {
                let needs = job.tasks[*place].needs.iter();
                needs
                    .filter_map(|need| kept.binary_search(&(*need as usize)).ok())
                    .collect()
            })
            .collect();
        let order = order::order(&needs).ok_or_else(|| ParseTraceError::Content {
            place: format!("job {}", job.id),
            problem: "its tasks need each other in a circle",
        })?;
        let renumbered = order::renumber(&needs, &order);
        let tasks = order.iter().zip(renumbered);
        let tasks = tasks.map(|(of, needs)| self.task(job, &job.tasks[kept[*of]], needs));
        Ok(Some(TraceJob {
            submitted_ms: self.since_begin(job.submitted_ms),
            name: Arc::clone(&job.name),
            owner: Arc::clone(&job.owner),
            queue: Arc::clone(&job.queue),
            priority: Priority::new(job.priority.into()).unwrap_or_default(),
            deadline_ms: job
                .deadline_ms
                .map(|at| u64::try_from(at.saturating_sub(job.submitted_ms)).unwrap_or(0)),
            tasks: tasks.collect(),
            recorded: Some(self.recorded(job)),
        }))
    }

    fn recorded(&self, job: &JobLine) -> Recorded {
        let attempts = job.tasks.iter().flat_map(|task| own(job, task));
        let first_start = attempts.filter_map(|attempt| attempt.started_ms).min();
        Recorded {
            first_start_ms: first_start.map(|at| self.since_begin(at)),
            ended_ms: job.ended_ms.map(|at| self.since_begin(at)),
            succeeded: job.state == JobState::Succeeded,
            cost_micros: job.cost_micros,
        }
    }

    fn task(&self, job: &JobLine, task: &TaskLine, needs: Box<[u32]>) -> TraceTask {
        let of_instance = |instance: u32| own(job, task).filter(move |it| it.instance == instance);
        let is_kept = |instance: &u32| !job.state.is_final() || of_instance(*instance).any(ran);
        let instances = (0..task.count()).filter(is_kept);
        let runs: Vec<u64> = instances
            .map(|instance| self.true_ms(task, of_instance(instance)))
            .collect();
        TraceTask {
            needs,
            wide: match task.instances {
                None => Wide::Single,
                Some(Instances::Array { .. }) => Wide::Array,
                Some(Instances::Gang { topology, .. }) => Wide::Gang(topology.into()),
            },
            resources: task.resources.clone(),
            constraints: match &task.constraints {
                None => Constraints::none(),
                Some(constraints) => Arc::new(constraints.into()),
            },
            stated_ms: task.stated_ms,
            signature: task.signature,
            runs: match (task.instances, runs.as_slice()) {
                (None, [only]) => Runs::One(*only),
                _ => Runs::Many(runs.into()),
            },
            retries: task.retries,
        }
    }

    /// At speed 1.
    fn true_ms<'a>(
        &self,
        task: &TaskLine,
        attempts: impl Iterator<Item = &'a AttemptLine> + Clone,
    ) -> u64 {
        let mut successes = attempts.clone().filter(|attempt| succeeded(attempt));
        let success = successes.find_map(|attempt| self.run_ms(attempt));
        let last = || attempts.filter_map(|attempt| self.run_ms(attempt)).last();
        let known = || self.medians.get(&task.signature).copied();
        success
            .or_else(last)
            .or_else(known)
            .or(task.stated_ms)
            .unwrap_or(UNKNOWN_MS)
    }

    fn run_ms(&self, attempt: &AttemptLine) -> Option<u64> {
        let speed = self.speeds.get(&*attempt.node).copied().unwrap_or(1.0);
        Some((attempt.run_ms()? as f64 * speed).round() as u64)
    }

    fn since_begin(&self, at_ms: i64) -> u64 {
        u64::try_from(at_ms.saturating_sub(self.begin_ms)).unwrap_or(0)
    }
}

/// Attempts of the task itself in this job: a replay takes successes over from the job that it replays, which come with
/// their own, earlier times.
fn own<'a>(job: &JobLine, task: &'a TaskLine) -> impl Iterator<Item = &'a AttemptLine> + Clone {
    let submitted_ms = job.submitted_ms;
    let attempts = task.attempts.iter();
    attempts.filter(move |attempt| !attempt.undo && attempt.assigned_ms >= submitted_ms)
}

fn succeeded(attempt: &AttemptLine) -> bool {
    attempt.outcome == AttemptState::Succeeded
}

fn ran(attempt: &AttemptLine) -> bool {
    attempt.started_ms.is_some()
}
