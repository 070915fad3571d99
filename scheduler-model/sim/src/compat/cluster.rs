//! The published simulator's cluster: a count of free processors, a clock, and lists.

use std::cmp::Ordering;

use super::Job;

/// Jobs are places in the list of jobs.
pub(super) struct Cluster<'a> {
    jobs: &'a [Job],
    now_s: f64,
    free: u32,
    /// The next to arrive.
    next: usize,
    /// Sorted now and then; a stable sort keeps the order it had among equals.
    queue: Vec<usize>,
    /// In order of start, but for [`Cluster::backfill`].
    running: Vec<usize>,
    starts: Vec<f64>,
}

impl<'a> Cluster<'a> {
    pub(super) fn new(jobs: &'a [Job], processors: u32) -> Self {
        let possible = |job: &Job| (1..=processors).contains(&job.processors);
        assert!(jobs.iter().all(possible), "a job never fits");
        Self {
            jobs,
            now_s: jobs.first().map_or(0.0, |job| job.submitted_s),
            free: processors,
            next: 0,
            queue: Vec::new(),
            running: Vec::new(),
            starts: vec![f64::NAN; jobs.len()],
        }
    }

    /// Goes on until a job waits. False: none will any more.
    pub(super) fn await_job(&mut self) -> bool {
        while self.queue.is_empty() {
            if self.next == self.jobs.len() {
                return false;
            }
            self.advance();
        }
        true
    }

    pub(super) fn sort_queue(&mut self, rank: impl Fn(&Job) -> [f64; 2]) {
        let jobs = self.jobs;
        let compare = |one: &usize, other: &usize| {
            let (one, other) = (rank(&jobs[*one]), rank(&jobs[*other]));
            compare(one[0], other[0]).then(compare(one[1], other[1]))
        };
        self.queue.sort_by(compare);
    }

    pub(super) fn head(&self) -> usize {
        self.queue[0]
    }

    pub(super) fn fits(&self, job: usize) -> bool {
        self.jobs[job].processors <= self.free
    }

    pub(super) fn start(&mut self, job: usize) {
        self.free -= self.jobs[job].processors;
        self.starts[job] = self.now_s;
        self.running.push(job);
        self.queue.retain(|waiting| *waiting != job);
    }

    /// Nothing else starts before the job fits.
    pub(super) fn hold(&mut self, job: usize) {
        while !self.fits(job) {
            self.advance();
        }
    }

    /// What ends before the job's shadow time starts before the job fits.
    pub(super) fn backfill(&mut self, job: usize) {
        let shadow_s = self.shadow_s(job);
        while !self.fits(job) {
            self.sort_queue(|job| [job.submitted_s, 0.0]);
            for candidate in self.queue.clone() {
                let ends_s = self.now_s + self.jobs[candidate].requested_s;
                if self.fits(candidate) && ends_s < shadow_s {
                    self.start(candidate);
                }
            }
            self.advance();
        }
    }

    /// When enough is free for a job, by requested times. It may be in the past, where jobs outlived theirs.
    fn shadow_s(&mut self, job: usize) -> f64 {
        let (jobs, starts) = (self.jobs, &self.starts);
        let ends_s = |running: usize| starts[running] + jobs[running].requested_s;
        self.running
            .sort_by(|one, other| compare(ends_s(*one), ends_s(*other)));
        let mut free = self.free;
        let mut shadow_s = self.now_s;
        for running in &self.running {
            free += jobs[*running].processors;
            shadow_s = ends_s(*running);
            if free >= jobs[job].processors {
                break;
            }
        }
        shadow_s
    }

    /// The next arrival if it is not after the next completion, otherwise that.
    fn advance(&mut self) {
        let arrival_s = self.jobs.get(self.next).map(|job| job.submitted_s);
        let completion = self.next_completion();
        match (arrival_s, completion) {
            (Some(arrival_s), None) => self.arrive(arrival_s),
            (Some(arrival_s), Some((_, ends_s))) if arrival_s <= ends_s => self.arrive(arrival_s),
            (_, Some((place, ends_s))) => {
                self.now_s = self.now_s.max(ends_s);
                let job = self.running.remove(place);
                self.free += self.jobs[job].processors;
            }
            (None, None) => unreachable!("a job that fits an empty cluster does not wait for one"),
        }
    }

    fn arrive(&mut self, arrival_s: f64) {
        self.now_s = self.now_s.max(arrival_s);
        self.queue.push(self.next);
        self.next += 1;
    }

    /// Place among those that run, and its end. The first of equals.
    fn next_completion(&self) -> Option<(usize, f64)> {
        let ends_s = |job: &usize| self.starts[*job] + self.jobs[*job].run_s;
        let ends = self.running.iter().map(ends_s).enumerate();
        ends.min_by(|(_, one), (_, other)| compare(*one, *other))
    }

    pub(super) fn into_starts(self) -> Vec<f64> {
        self.starts
    }
}

/// Of numbers that are never `NaN`.
fn compare(one: f64, other: f64) -> Ordering {
    one.total_cmp(&other)
}
