use drover_sim::{
    evaluate::{Counted, Figures},
    simulate::{Options, SimulateError, simulate},
    trace::Trace,
};

/// What a policy was worth in a window, as the gate wants to know it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Worth {
    /// J; lower is better.
    pub objective: f64,
    /// Of bounded slowdown.
    pub p99_slowdown: f64,
    /// Of the jobs with deadlines; 0 without any.
    pub miss_share: f64,
    pub longest_wait_s: f64,
}

impl Worth {
    /// # Errors
    /// When the window cannot be simulated: it has no nodes, or none that could run anything.
    pub fn of(window: &Trace, options: &Options) -> Result<Self, SimulateError> {
        let outcome = simulate(window, options)?;
        let figures = Figures::counting(&outcome, &Counted::AfterWarmUp);
        let deadlines = figures.deadlines;
        Ok(Self {
            objective: figures.objective,
            p99_slowdown: figures.bounded_slowdown.p99,
            miss_share: deadlines.missed as f64 / deadlines.jobs.max(1) as f64,
            longest_wait_s: figures.starvation.longest_wait_s,
        })
    }
}
