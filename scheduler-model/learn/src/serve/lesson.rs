//! One turn of learning, without the coordinator: from what happened to a candidate, or to the reason why there is none.

use std::fmt;

use drover_model::inference::{Network, Weights};
use drover_sim::trace::Trace;

use super::{
    Anchor, InUse, Judgement, Recent, RecentCost, Resampler, ServeError, Slices, TuneSettings,
    Tuned, judge, tune,
};
use crate::LearnError;

/// Fewer jobs make no slice.
pub const FEWEST_JOBS: usize = 20;

/// How a turn goes.
#[derive(Clone, Debug)]
pub struct Plan {
    pub tuning: TuneSettings,
    /// Jobs that have to have ended.
    pub least_jobs: usize,
    /// To be judged instead of training any. Its columns are those that this program observes.
    pub candidate: Option<Weights>,
}

/// What a turn came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Lesson {
    /// There is too little to learn from.
    Waits {
        ended: usize,
        needed: usize,
    },
    Learned(Box<Learned>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Learned {
    pub source: Source,
    /// `None`: it was given.
    pub tuned: Option<Tuned>,
    pub candidate: Weights,
    pub judgement: Judgement,
}

/// What was learned from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub jobs: usize,
    pub ended: usize,
    pub unreadable: usize,
    pub nodes: usize,
    pub in_use: String,
    /// Jobs of the two slices.
    pub earlier: usize,
    pub later: usize,
}

/// Equal plans and records give equal lessons.
///
/// # Errors
/// When the records make no sense, or the load cannot be simulated.
pub fn learn(recent: &Recent, in_use: &InUse, plan: &Plan) -> Result<Lesson, ServeError> {
    let ended = recent.ended();
    let needed = plan.least_jobs.max(FEWEST_JOBS);
    let waits = Lesson::Waits { ended, needed };
    if ended < needed {
        return Ok(waits);
    }
    let (trace, _) = recent.history.trace("recent load")?;
    let slices = Slices::of(&trace);
    // Of jobs that were cancelled before anything of them ran nothing is left.
    let (Some(earlier), Some(later)) =
        (Resampler::new(slices.earlier), Resampler::new(slices.later))
    else {
        return Ok(waits);
    };
    let source = Source {
        earlier: earlier.jobs(),
        later: later.jobs(),
        ..Source::of(recent, &trace, in_use)
    };
    let (candidate, tuned) = match &plan.candidate {
        Some(given) => (given.clone(), None),
        None => {
            let tuned = tune_to(earlier, in_use, plan.tuning)?;
            (tuned.weights.clone(), Some(tuned))
        }
    };
    let judgement = judge(&candidate, &later, &in_use.options, plan.tuning.seed)?;
    Ok(Lesson::Learned(Box::new(Learned {
        source,
        tuned,
        candidate,
        judgement,
    })))
}

/// The anchor is the first of the starts: the network in use, if it is one.
fn tune_to(
    earlier: Resampler,
    in_use: &InUse,
    settings: TuneSettings,
) -> Result<Tuned, LearnError> {
    let anchor = Network::new(&in_use.starts[0]);
    let anchor = Anchor::new(&anchor, &earlier, &in_use.options);
    let cost = RecentCost::new(earlier, in_use.options.clone(), anchor);
    tune(&in_use.starts, &cost, settings)
}

impl Learned {
    /// Whether the gate should hear of it: what was given always, what was trained if it seems better.
    pub fn is_offered(&self) -> bool {
        self.tuned.is_none() || self.judgement.is_enough()
    }
}

impl Source {
    /// Without the slices.
    fn of(recent: &Recent, trace: &Trace, in_use: &InUse) -> Self {
        Self {
            jobs: recent.history.jobs.len(),
            ended: recent.ended(),
            unreadable: recent.unreadable,
            nodes: trace.nodes.len(),
            in_use: in_use.policy.clone(),
            earlier: 0,
            later: 0,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "read {} jobs ({} ended, {} unreadable) under `{}` on {} nodes, {} to train on and {} later ones to evaluate on",
            self.jobs,
            self.ended,
            self.unreadable,
            self.in_use,
            self.nodes,
            self.earlier,
            self.later
        )
    }
}

/// One line, up to what the gate says.
impl fmt::Display for Learned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; ", self.source)?;
        match &self.tuned {
            None => f.write_str("a given candidate")?,
            Some(tuned) => write!(
                f,
                "cost {:.3} from {:.3}, drift {:.2} nats",
                tuned.cost, tuned.cost_before, tuned.drift
            )?,
        }
        let (candidate, in_use) = self.judgement.objectives();
        write!(
            f,
            "; J {candidate:.3}, and {in_use:.3} in use, better in {} of {} windows",
            self.judgement.better_in(),
            self.judgement.windows()
        )
    }
}

#[cfg(test)]
mod tests {
    use drover_model::observation::layout;

    use super::*;
    use crate::serve::example;

    fn plan(candidate: Option<Weights>) -> Plan {
        Plan {
            tuning: TuneSettings {
                generations: 1,
                seed: 1,
                threads: 2,
            },
            least_jobs: 30,
            candidate: candidate.map(|weights| weights.aligned(&layout()).unwrap()),
        }
    }

    fn learned(jobs: u64, plan: &Plan) -> Learned {
        match learn(&example::recent(jobs), &example::in_use(), plan).unwrap() {
            Lesson::Learned(learned) => *learned,
            waits => panic!("{waits:?}"),
        }
    }

    #[test]
    fn a_lesson_says_what_was_made_of_what() {
        let learned = learned(200, &plan(None));
        let told = learned.to_string();
        let begins = "read 200 jobs (200 ended, 0 unreadable) under `fifo` on 1 nodes, 120 to train on and 80 later ones to \
                      evaluate on; cost -";
        assert!(told.starts_with(begins), "{told}");
        assert!(learned.is_offered(), "{told}");
    }

    #[test]
    fn a_given_candidate_is_judged_as_it_is_and_always_offered() {
        let worst = example::by_feature("log_estimate", 1.0);
        let learned = learned(60, &plan(Some(worst)));
        assert!(!learned.judgement.is_enough());
        assert!(learned.is_offered());
        assert!(
            learned.to_string().contains("; a given candidate; J "),
            "{learned}"
        );
    }

    #[test]
    fn too_few_jobs_are_waited_for() {
        let lesson = learn(&example::recent(29), &example::in_use(), &plan(None)).unwrap();
        assert_eq!(
            lesson,
            Lesson::Waits {
                ended: 29,
                needed: 30
            }
        );
    }
}
