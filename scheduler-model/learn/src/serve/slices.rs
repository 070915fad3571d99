use drover_sim::trace::{Trace, TraceJob};

/// Of the jobs, by submission.
const EARLIER_SHARE: f64 = 0.6;

/// Recent load, cut in time: what is evaluated on came later than all that was trained on.
#[derive(Clone, Debug, PartialEq)]
pub struct Slices {
    /// For training.
    pub earlier: Trace,
    /// For evaluation only.
    pub later: Trace,
}

impl Slices {
    /// Both have the nodes of the whole, and jobs in the order of submission.
    pub fn of(recent: &Trace) -> Self {
        let cut = (recent.jobs.len() as f64 * EARLIER_SHARE) as usize;
        let (earlier, later) = recent.jobs.split_at(cut);
        Self {
            earlier: part(recent, "earlier", earlier),
            later: part(recent, "later", later),
        }
    }
}

/// Its time begins with its first job.
fn part(whole: &Trace, name: &str, jobs: &[TraceJob]) -> Trace {
    let begin_ms = jobs.first().map_or(0, |job| job.submitted_ms);
    let shifted = |job: &TraceJob| TraceJob {
        submitted_ms: job.submitted_ms - begin_ms,
        recorded: None,
        ..job.clone()
    };
    Trace {
        name: name.into(),
        nodes: whole.nodes.clone(),
        jobs: jobs.iter().map(shifted).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::example;

    #[test]
    fn nothing_of_the_later_slice_is_in_the_earlier_one() {
        let recent = example::load(50);
        let slices = Slices::of(&recent);
        assert_eq!(
            (slices.earlier.jobs.len(), slices.later.jobs.len()),
            (30, 20)
        );
        assert_eq!(slices.earlier.jobs[29].name, recent.jobs[29].name);
        assert_eq!(slices.later.jobs[0].name, recent.jobs[30].name);
        assert_eq!(slices.later.jobs[0].submitted_ms, 0);
        let span_ms = recent.jobs[49].submitted_ms - recent.jobs[30].submitted_ms;
        assert_eq!(slices.later.jobs[19].submitted_ms, span_ms);
        assert_eq!(slices.later.nodes, recent.nodes);
    }
}
