//! A load that changes its nature, and what became of it.

use std::{collections::BTreeSet, time::Duration};

use drover_proto::{
    time,
    v1::{
        Job, JobSpec, JobState, Resources, SubmitBatchRequest, SubmitRequest, job_spec::Deadline,
    },
};
use drover_sim::{
    evaluate::{JudgedDeadline, JudgedJob, objective},
    random::{Purpose, Random},
};
use drover_tests::{Cluster, job, simulated, until};
use tonic::Code;

/// At model speed a minute and a half.
pub(crate) const BETWEEN_BURSTS: Duration = Duration::from_millis(1_800);
/// Jobs of a burst.
pub(crate) const BURST: usize = LONG + SHORT;
/// As many as there are processors.
const LONG: usize = 8;
const SHORT: usize = 30;
const LONG_MS: u32 = 1_000;
const SHORT_MS: u32 = 100;
/// Of short jobs: more than they take together, and less than they do behind long ones.
const DEADLINE_MS: u64 = 850;

const ALIKE_MS: u32 = 200;
/// So many at once fit easily.
const ALIKE: usize = 10;

/// Makes jobs; equal seeds make equal ones.
pub(crate) struct Load {
    random: Random,
    made: usize,
}

impl Load {
    pub(crate) fn new(seed: u64) -> Self {
        eprintln!("a load of the seed {seed}");
        Self {
            random: Random::new(seed, Purpose::Jobs),
            made: 0,
        }
    }

    /// The nature of the beginning: all alike, without deadlines.
    pub(crate) fn steady(&mut self) -> Vec<JobSpec> {
        (0..ALIKE).map(|_| self.job(ALIKE_MS)).collect()
    }

    /// The nature of the rest: a few long jobs, and many short ones with deadlines, all at once and in random order.
    pub(crate) fn burst(&mut self) -> Vec<JobSpec> {
        let lengths = [LONG_MS; LONG].into_iter().chain([SHORT_MS; SHORT]);
        let mut lengths: Vec<u32> = lengths.collect();
        for last in (1..lengths.len()).rev() {
            lengths.swap(last, self.random.below(last as u64 + 1) as usize);
        }
        let jobs = lengths.into_iter().map(|run_ms| self.job(run_ms));
        jobs.collect()
    }

    /// It is called by its number and its run time in milliseconds.
    fn job(&mut self, run_ms: u32) -> JobSpec {
        self.made += 1;
        let mut only = simulated("only", run_ms);
        only.resources = Some(Resources {
            cpu_millis: 1_000,
            ..Resources::default()
        });
        let deadline = (run_ms == SHORT_MS).then(|| time::duration(DEADLINE_MS));
        JobSpec {
            deadline: deadline.map(Deadline::DeadlineAfter),
            ..job(&format!("job-{}-{run_ms}", self.made), vec![only])
        }
    }
}

/// In one turn, so that their order is the policy's alone. A coordinator that is out of breath is asked again.
pub(crate) async fn submit(cluster: &Cluster, jobs: &[JobSpec]) {
    let requests = jobs.iter().map(|spec| SubmitRequest {
        spec: Some(spec.clone()),
        request_id: spec.name.clone(),
    });
    let batch = SubmitBatchRequest {
        requests: requests.collect(),
    };
    let mut client = cluster.jobs().await;
    until("jobs to be accepted", async || {
        match client.submit_batch(batch.clone()).await {
            Ok(_) => Some(()),
            Err(status) if status.code() == Code::Unavailable => None,
            Err(status) => panic!("{status}"),
        }
    })
    .await;
}

/// J of the jobs of these names, once all have ended.
pub(crate) async fn judge(cluster: &Cluster, names: &BTreeSet<String>) -> f64 {
    let ended = until("the measured jobs to end", async || {
        let mut jobs = cluster.all_jobs().await;
        jobs.retain(|job| names.contains(name(job)));
        let is_over = jobs.iter().all(|job| job.end_time.is_some());
        (is_over && jobs.len() == names.len()).then_some(jobs)
    });
    let jobs: Vec<JudgedJob> = ended.await.iter().map(judged).collect();
    objective(&jobs)
}

pub(crate) fn name(job: &Job) -> &str {
    job.spec.as_ref().map_or("", |spec| &spec.name)
}

fn judged(job: &Job) -> JudgedJob {
    let ms = |at: &Option<pbjson_types::Timestamp>| {
        let at = at.as_ref().expect("it has ended");
        time::to_model(at).expect("a time").0
    };
    let (submitted_ms, ended_ms) = (ms(&job.submit_time), ms(&job.end_time));
    let (_, run_ms) = name(job).rsplit_once('-').expect("a name of ours");
    let run_ms: u64 = run_ms.parse().expect("a number");
    let flow_ms = (ended_ms - submitted_ms) as u64;
    let deadline = job.deadline.as_ref().map(|_| {
        let late_ms = ended_ms - ms(&job.deadline);
        JudgedDeadline {
            missed: late_ms > 0,
            tardiness_ms: late_ms.max(0) as u64,
        }
    });
    JudgedJob {
        owner: "owner".into(),
        // All have the same.
        priority: 50,
        succeeded: job.state() == JobState::Succeeded,
        ideal_ms: run_ms.max(1_000),
        flow_ms,
        wait_ms: flow_ms.saturating_sub(run_ms),
        deadline,
    }
}
