//! How fast simulations are: `cargo bench -p drover-sim --bench simulate`, or only those whose names contain a word with
//! `-- WORD`.
//!
//! Prints completions a second of one core for steady queues of several lengths, what a large trace takes from jobs to figures, and
//! decisions a second of one core under the learned policy, as trainings play them. Without `--bench`, as `cargo test --benches`
//! runs it, all of it is done in small.

use std::{
    env, fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use drover_model::{
    dispatch::Mode,
    inference::{Network, Scorer, Scratch, Window},
    observation::layout,
    policy::{self, Learned},
};
use drover_sim::{
    evaluate::{Counted, Figures},
    simulate::{Options, simulate},
    trace::Trace,
    workload::{self, Parameters},
};

/// That of the product.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Length of the queue, tasks in all, and what happens when the first does not fit. Backfill tries all that wait beside a
/// reservation, so that a round takes as long as the queue.
const STEADY: [(usize, u32, Mode); 3] = [
    (1_000, 300_000, Mode::Strict),
    (100_000, 400_000, Mode::Strict),
    (1_000, 100_000, Mode::Easy),
];

/// What the nodes can do: in strict order some of them is always kept for the first.
fn sustained(mode: Mode) -> f64 {
    match mode {
        Mode::Strict => 0.9,
        Mode::Easy | Mode::Greedy => 1.0,
    }
}
const LARGE: u32 = 1_000_000;
/// A smoke test does one part in so many of all that.
const SMOKE_DIVISOR: u32 = 1_000;

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    let divisor = if words.iter().any(|word| word == "--bench") {
        1
    } else {
        SMOKE_DIVISOR
    };
    let wanted = words.iter().find(|word| !word.starts_with("--"));
    let is_wanted = |name: &str| wanted.is_none_or(|word| name.contains(word.as_str()));
    // First, as the peak of memory is that of the whole process.
    if is_wanted("large") {
        large(LARGE / divisor);
    }
    for (waiting, tasks, mode) in STEADY {
        let name = format!("{waiting}-{mode}");
        if is_wanted(&name) {
            steady(&name, waiting / divisor as usize, tasks / divisor, mode);
        }
    }
    if is_wanted("dag") {
        dag(2_000 / divisor);
    }
    if is_wanted("rollouts") {
        rollouts(100_000 / divisor);
    }
}

/// So many wait from the beginning, and as much arrives as can be done.
fn steady(name: &str, waiting: usize, tasks: u32, mode: Mode) {
    let mut trace = generate("steady", sustained(mode), tasks);
    let first_ms = trace.jobs[waiting].submitted_ms;
    for job in &mut trace.jobs {
        job.submitted_ms = job.submitted_ms.saturating_sub(first_ms);
    }
    let begin = Clock::start();
    let outcome = simulate(&trace, &fifo(mode)).expect("the trace is sound");
    let seconds = begin.seconds();
    // Little's law.
    let waits = outcome.jobs.iter().filter_map(|job| job.wait_ms());
    let mean_queue = waits.sum::<u64>() as f64 / outcome.ended_ms.max(1) as f64;
    println!(
        "{name:>12}: {:8.0} completions/s, {} tasks in {seconds:.2} s, {mean_queue:.0} waited on average",
        outcome.completions as f64 / seconds,
        outcome.completions,
    );
}

/// Simulated and evaluated.
fn large(tasks: u32) {
    let begin = Clock::start();
    let trace = generate("steady", 0.9, tasks);
    let made = begin.seconds();
    let begin = Clock::start();
    let outcome = simulate(&trace, &fifo(Mode::Easy)).expect("the trace is sound");
    let simulated = begin.seconds();
    let figures = Figures::counting(&outcome, &Counted::All);
    std::hint::black_box(&figures);
    println!(
        "{:>12}: {tasks} tasks made in {made:.2} s, simulated in {simulated:.2} s, evaluated in {:.2} s, {} at most",
        "large",
        begin.seconds() - simulated,
        peak_memory(),
    );
}

/// Jobs of arrays that need each other.
fn dag(jobs: u32) {
    let trace = generate("dag", 0.9, jobs.max(2));
    let begin = Clock::start();
    let outcome = simulate(&trace, &fifo(Mode::Easy)).expect("the trace is sound");
    let seconds = begin.seconds();
    println!(
        "{:>12}: {:8.0} completions/s, {} tasks in {seconds:.2} s",
        "dag",
        outcome.completions as f64 / seconds,
        outcome.completions,
    );
}

/// With windows that are full most of the time. A decision is a window that is scored.
fn rollouts(jobs: u32) {
    let trace = generate("steady", 1.1, jobs.max(2));
    let aligned = policy::shipped_weights()
        .aligned(&layout())
        .expect("a test reads what is shipped");
    let counting = Arc::new(Counting {
        network: Network::new(&aligned),
        decisions: AtomicU64::new(0),
    });
    let learned = Learned::by("counting", Arc::clone(&counting) as Arc<dyn Scorer>);
    let begin = Clock::start();
    let outcome = simulate(&trace, &Options::new(learned, Mode::Easy)).expect("the trace is sound");
    let seconds = begin.seconds();
    println!(
        "{:>12}: {:8.0} decisions/s, {:.0} completions/s",
        "rollouts",
        counting.decisions.load(Ordering::Relaxed) as f64 / seconds,
        outcome.completions as f64 / seconds,
    );
}

#[derive(Debug)]
struct Counting {
    network: Network,
    decisions: AtomicU64,
}

impl Scorer for Counting {
    fn score(&self, window: &Window<'_>, scratch: &mut Scratch, scores: &mut [f32]) {
        self.decisions.fetch_add(1, Ordering::Relaxed);
        self.network.score(window, scratch, scores);
    }

    fn looks_at(&self, column: usize) -> bool {
        self.network.looks_at(column)
    }
}

fn generate(family: &str, load: f64, jobs: u32) -> Trace {
    let family = workload::find(family).expect("a built-in family");
    let parameters = Parameters {
        load,
        jobs,
        seed: 1,
    };
    family.generate(&parameters).expect("sensible parameters")
}

fn fifo(mode: Mode) -> Options {
    Options::new(policy::find("fifo").expect("a built-in policy"), mode)
}

/// Seconds that this thread had a processor, where the system says so; else those that passed.
struct Clock {
    began: Instant,
    used_ns: Option<u64>,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
    fn start() -> Self {
        Self {
            began: Instant::now(),
            used_ns: used_ns(),
        }
    }

    fn seconds(&self) -> f64 {
        match self.used_ns.zip(used_ns()) {
            Some((before, now)) => (now - before) as f64 / 1e9,
            None => self.began.elapsed().as_secs_f64(),
        }
    }
}

fn used_ns() -> Option<u64> {
    let line = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    line.split_whitespace().next()?.parse().ok()
}

fn peak_memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(
        || "memory unknown".to_owned(),
        |peak| peak.trim().to_owned(),
    )
}
