//! Jobs that have ended, as they went and as they would have gone under another rule.

use drover_model::{NodeView, Timestamp};
use drover_proto::{job, node};
use drover_sim::{
    evaluate::{JudgedJob, objective},
    simulate::{JobOutcome, Options, SimulateError, simulate},
    trace::{
        ParseTraceError, Skipped, TraceJob,
        history::{FORMAT, History, VERSION, from_message, line::Header},
    },
};

use crate::store::StoredJob;

/// J of the same jobs in both worlds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Compared {
    pub(super) happened: f64,
    pub(super) replayed: f64,
}

/// Nothing can be said of a block.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReplayError {
    #[error("the record of its jobs makes no sense: {0}")]
    Trace(#[from] ParseTraceError),
    #[error("its jobs cannot be simulated: {0}")]
    Simulate(#[from] SimulateError),
}

/// Judges `block`; what came before is replayed with it, so that it does not find an empty cluster. Jobs that did not
/// succeed count as load only: what became of them is not the order's fault. One that has not ended counts as ending now,
/// which is less than it will be. `None`: nothing is left to judge.
pub(super) fn compare(
    nodes: Vec<NodeView>,
    before: &[StoredJob],
    block: &[StoredJob],
    options: &Options,
    now: Timestamp,
) -> Result<Option<Compared>, ReplayError> {
    let Some(first) = block.first() else {
        return Ok(None);
    };
    let history = as_history(nodes, before.iter().chain(block), now);
    let (trace, _) = history.trace("the last jobs")?;
    // Of what is left of them, which is when the trace begins.
    let begin_ms = history.jobs.iter().map(|job| job.submitted_ms).min();
    let since = |at_ms: i64| u64::try_from(at_ms - begin_ms.unwrap_or(at_ms)).unwrap_or(0);
    let (judged_from, now_ms) = (since(first.fixed.submitted_at.0), since(now.0));
    let outcome = simulate(&trace, options)?;
    let pairs = trace.jobs.iter().zip(&outcome.jobs);
    let pairs = pairs.filter(|(job, _)| job.submitted_ms >= judged_from);
    let (mut happened, mut replayed) = (Vec::new(), Vec::new());
    for (job, simulated) in pairs {
        if let Some(recorded) = as_recorded(job, simulated, now_ms) {
            happened.push(JudgedJob::new(&recorded, now_ms));
            replayed.push(JudgedJob::new(simulated, outcome.ended_ms));
        }
    }
    Ok((!happened.is_empty()).then(|| Compared {
        happened: objective(&happened),
        replayed: objective(&replayed),
    }))
}

/// The same job as it really went. `None`: it ended badly.
fn as_recorded(job: &TraceJob, simulated: &JobOutcome, now_ms: u64) -> Option<JobOutcome> {
    let recorded = job.recorded?;
    let is_open = recorded.ended_ms.is_none();
    (is_open || recorded.succeeded).then(|| JobOutcome {
        first_start_ms: recorded.first_start_ms.or(Some(now_ms)),
        ended_ms: recorded.ended_ms.or(Some(now_ms)),
        succeeded: true,
        ..simulated.clone()
    })
}

fn as_history<'a>(
    nodes: Vec<NodeView>,
    jobs: impl Iterator<Item = &'a StoredJob>,
    now: Timestamp,
) -> History {
    let jobs = jobs.filter_map(|stored| {
        let record = job::JobRecord {
            row: &stored.row,
            fixed: &stored.fixed,
            attempts: &stored.attempts,
            view: None,
        };
        // One that cannot be read was parked for that, and says nothing.
        let message = job::job(record, now).ok()?;
        from_message::job(&message).ok()
    });
    History {
        header: Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            from_ms: 0,
            until_ms: now.0,
            policy: String::new(),
            dispatch_mode: String::new(),
            score_weights: String::new(),
        },
        jobs: jobs.collect(),
        nodes: nodes
            .into_iter()
            .filter_map(|view| from_message::node(&node::node(view)).ok())
            .collect(),
        skipped: Skipped::default(),
    }
}
