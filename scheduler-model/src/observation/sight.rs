use crate::policy::Facts;

/// A candidate as it is seen, before it becomes numbers of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sight {
    pub(crate) facts: Facts,
    /// Longest path through its job, in estimated milliseconds.
    pub(crate) critical_path_ms: u64,
    /// How long it is expected to hold its resources at most.
    pub(crate) hold_ms: u64,
    /// It has had so many.
    pub(crate) attempts: u32,
    /// Of its job.
    pub(crate) tasks: u32,
    /// Largest share of any resource that it asks for, of the whole cluster's, in millionths.
    pub(crate) dominant_ppm: u32,
    /// It could start now, if it minded nobody.
    pub(crate) fits: bool,
    /// It could start where its job's last task succeeded: what that left there need not be moved.
    pub(crate) at_home: bool,
}

/// What is kept for a task that fits nowhere now, when others are tried beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Beside {
    /// Until it is expected to start.
    pub(crate) start_in_ms: u64,
    /// Estimated run time times width, in milliseconds of a thousandth of a processor.
    pub(crate) area: f32,
}
