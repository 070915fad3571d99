//! Jobs with deadlines on one pool of GPUs, greedily, written from the description.
//!
//! What the description leaves open, and what gives its figures (each other choice that was tried misses some cell):
//!
//! - **Everything of one minute is handled before one dispatch**, arrivals and completions alike. With a dispatch after each
//!   event, EDF on SLO with 1,152 GPUs misses 35.9 % instead of 37.83 %.
//! - The estimate of a run time is the file's duration, which is also the true one.
//! - **Counted are strict jobs submitted from minute 2,880 on (that minute included) and before the last minute in which any
//!   job is submitted** (20,151): 24,031 jobs in SLO and 16,937 in MIX1. Otherwise 13 of the 20 cells are right and the others
//!   are 0.01 too low or too high.
//! - Equal ranks go by time of submission, then by the order of the file.
//! - A deadline is missed if the job ends after it; every job is simulated to its end.
//! - A best-effort job has its deadline at one far moment, the same for all. So EDF takes them last, in order of submission,
//!   but LLF takes the **longest** of them first, as it has the least laxity. If all best-effort jobs were alike to LLF, it
//!   would miss 21.50 % on MIX1 with 1,152 GPUs instead of 32.82 %.
//! - LLF ranks by deadline - duration, which orders like laxity and does not change with time.
//! - With admission, a job is late from the first dispatch with now + duration > deadline on; late jobs keep EDF's order among
//!   themselves, and come after all others, best-effort jobs included.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
};

use drover_sim::trace::philly::{self, Class, PhillyJob};

use crate::data;

const MINUTE_MS: u64 = 60_000;
const WARM_UP_MS: u64 = 2_880 * MINUTE_MS;
/// Where best-effort jobs have their deadlines.
const FAR_MS: u64 = 1 << 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Edf,
    Sjf,
    Saf,
    Llf,
    EdfWithAdmission,
}

impl Rule {
    /// Smallest first.
    fn rank(self, job: &PhillyJob) -> u64 {
        match self {
            Self::Edf | Self::EdfWithAdmission => due_ms(job),
            Self::Sjf => job.run_ms,
            Self::Saf => job.run_ms * u64::from(job.gpus),
            Self::Llf => due_ms(job) - job.run_ms,
        }
    }
}

fn due_ms(job: &PhillyJob) -> u64 {
    let due_ms = |deadline_ms| job.submitted_ms + deadline_ms;
    job.deadline_ms.map_or(FAR_MS, due_ms)
}

/// Jobs by rank and place; jobs are places in the log, which is ordered by submission.
type Queue = BTreeSet<(u64, usize)>;

struct Pool<'a> {
    jobs: &'a [PhillyJob],
    free: u32,
    waiting: Queue,
    /// Those that an admission has put behind the others.
    late: Queue,
    /// By end.
    running: BinaryHeap<Reverse<(u64, usize)>>,
    ends: Vec<u64>,
}

/// When each job ends.
pub(crate) fn ends(jobs: &[PhillyJob], gpus: u32, rule: Rule) -> Vec<u64> {
    let mut pool = Pool {
        jobs,
        free: gpus,
        waiting: Queue::new(),
        late: Queue::new(),
        running: BinaryHeap::new(),
        ends: vec![u64::MAX; jobs.len()],
    };
    let mut next = 0;
    loop {
        let arrival_ms = jobs.get(next).map(|job| job.submitted_ms);
        let completion_ms = pool.running.peek().map(|Reverse((ends_ms, _))| *ends_ms);
        let Some(now_ms) = arrival_ms.into_iter().chain(completion_ms).min() else {
            return pool.ends;
        };
        while let Some(job) = jobs.get(next).filter(|job| job.submitted_ms == now_ms) {
            pool.waiting.insert((rule.rank(job), next));
            next += 1;
        }
        pool.complete(now_ms);
        if rule == Rule::EdfWithAdmission {
            pool.admit(now_ms);
        }
        pool.dispatch(now_ms);
    }
}

impl Pool<'_> {
    fn complete(&mut self, now_ms: u64) {
        while let Some(Reverse((ends_ms, job))) = self.running.peek().copied() {
            if ends_ms > now_ms {
                return;
            }
            self.running.pop();
            self.free += self.jobs[job].gpus;
        }
    }

    fn admit(&mut self, now_ms: u64) {
        let late = |(_, job): &(u64, usize)| {
            let job = &self.jobs[*job];
            now_ms + job.run_ms > due_ms(job)
        };
        self.late.extend(self.waiting.extract_if(.., late));
    }

    fn dispatch(&mut self, now_ms: u64) {
        for queue in [&mut self.waiting, &mut self.late] {
            let mut started = Vec::new();
            for entry in queue.iter() {
                if self.free == 0 {
                    break;
                }
                let job = &self.jobs[entry.1];
                if job.gpus <= self.free {
                    self.free -= job.gpus;
                    self.ends[entry.1] = now_ms + job.run_ms;
                    self.running.push(Reverse((now_ms + job.run_ms, entry.1)));
                    started.push(*entry);
                }
            }
            for entry in started {
                queue.remove(&entry);
            }
        }
    }
}

/// Missed deadlines of strict jobs in percent, as the table counts them.
fn missed_percent(jobs: &[PhillyJob], ends: &[u64]) -> f64 {
    let last_ms = jobs.last().map_or(0, |job| job.submitted_ms);
    let counted = jobs.iter().zip(ends).filter(|(job, _)| {
        job.class == Class::Strict && (WARM_UP_MS..last_ms).contains(&job.submitted_ms)
    });
    let (mut all, mut missed) = (0, 0);
    for (job, ends_ms) in counted {
        all += 1;
        missed += u32::from(*ends_ms > due_ms(job));
    }
    100.0 * f64::from(missed) / f64::from(all)
}

#[test]
fn the_table_is_reproduced() {
    const RULES: [Rule; 5] = [
        Rule::Edf,
        Rule::Sjf,
        Rule::Saf,
        Rule::Llf,
        Rule::EdfWithAdmission,
    ];
    let table = [
        ("SLO", 1_152, ["37.83", "29.21", "28.79", "43.81", "20.84"]),
        ("SLO", 1_280, ["16.36", "14.45", "14.35", "22.70", "10.48"]),
        ("MIX1", 1_152, ["22.78", "29.20", "28.61", "32.82", "11.43"]),
        ("MIX1", 1_280, ["10.11", "14.73", "14.72", "11.70", "7.68"]),
    ];
    for (file, gpus, cells) in table {
        let Some(content) = data::bytes(&format!("deadline/trace_job_Philly_{file}.csv")) else {
            continue;
        };
        let log = philly::parse(&content, false).unwrap();
        for (rule, wanted) in RULES.into_iter().zip(cells) {
            let missed = missed_percent(&log.jobs, &ends(&log.jobs, gpus, rule));
            assert_eq!(
                format!("{missed:.2}"),
                wanted,
                "{file}, {gpus} GPUs, {rule:?}"
            );
        }
    }
}

/// Works without the shared data: by hand, on one GPU.
#[test]
fn late_jobs_go_behind_those_that_can_still_meet_their_deadlines() {
    let text = "\
job_id,user,num_gpu,submit_time,model_name,duration,expect_time_list,job_type
0,a,1,0,vgg,10,15,strict
1,a,1,0,vgg,10,16,strict
2,a,1,0,vgg,10,30,strict
3,a,1,0,vgg,1,0,best
";
    let log = philly::parse(text.as_bytes(), false).unwrap();
    let minutes = |rule| {
        let ends = ends(&log.jobs, 1, rule);
        ends.into_iter()
            .map(|ms| ms / MINUTE_MS)
            .collect::<Vec<u64>>()
    };
    assert_eq!(minutes(Rule::Edf), [10, 20, 30, 31]);
    assert_eq!(minutes(Rule::EdfWithAdmission), [10, 31, 20, 21]);
    assert_eq!(minutes(Rule::Sjf), [11, 21, 31, 1]);
}
