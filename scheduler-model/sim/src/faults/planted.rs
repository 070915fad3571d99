//! Mistakes put between the machines and the world, to see that the checkers find them. Production code is not touched:
//! what a machine gives or takes is corrupted on the way.

use std::fmt;

use drover_model::{DeadlineAction, JobSpec, RetryRule, cluster::Config};

/// The machine whose mistake it would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    Cluster,
    Turn,
    Session,
    Store,
}

macro_rules! bugs {
    ($($(#[$doc:meta])* $variant:ident: $machine:ident, $($promise:literal)|+;)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum PlantedBug { $($(#[$doc])* $variant),+ }

        impl PlantedBug {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub const fn machine(self) -> Machine {
                match self { $(Self::$variant => Machine::$machine),+ }
            }

            /// The promises of which the checkers have to find one broken first.
            pub const fn breaks(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($promise),+]),+ }
            }
        }
    };
}

bugs! {
    /// Ends of attempts are acknowledged and not written.
    ClusterDropsReports: Cluster, "what is acknowledged is durable" | "every job ends";
    /// A report of an old attempt counts for the current one.
    ClusterForgetsFence: Cluster, "the record says what happened";
    /// Asking to stop is taken for the end.
    ClusterFreesCapacityEarly: Cluster, "the record says what happened";
    /// Nobody is asked to stop.
    ClusterSkipsStops: Cluster, "every job ends";
    /// Tasks start before what they need has succeeded.
    ClusterForgetsNeeds: Cluster, "the order of the graph is kept";
    /// More attempts than the rule allows.
    ClusterRetriesTooOften: Cluster, "retries follow the rule";
    /// A lost attempt of `retries: none` is run again.
    ClusterRerunsTheUnrepeatable: Cluster, "retries follow the rule";
    /// Tasks that should run last run with the others.
    ClusterForgetsFinally: Cluster, "finally tasks come last";
    /// What a task asks for is believed to be less.
    ClusterOvercommits: Cluster, "capacity is not exceeded";
    /// Nodes that come and go are trusted like others.
    ClusterForgetsQuarantine: Cluster, "flapping nodes get nothing new";
    /// What succeeds while it is asked to stop is taken for stopped.
    ClusterForgetsSuccess: Cluster, "what was done can be undone";
    /// A deadline that should raise the priority does not.
    ClusterForgetsEscalation: Cluster, "the most urgent start first";
    /// A silence is judged before the last signs of life are known.
    ClusterJudgesUnheard: Cluster, "who is heard from is not given up" | "stop attempts run alone";
    /// What agents are told leaves before its commit.
    TurnActsBeforeCommit: Turn, "what is acknowledged is durable";
    /// A submit is answered before its commit.
    TurnAnswersBeforeCommit: Turn, "what is acknowledged is durable";
    /// A commit whose answer was lost is taken for done.
    TurnBelievesUnknown: Turn, "nothing is done before it is durable" | "what is acknowledged is durable";
    /// An older leader may write, and an older turn.
    StoreForgetsEpoch: Store, "a deposed leader writes nothing" | "model time never goes back";
    /// Some commits are confirmed and not written.
    StoreLosesRows: Store, "a job ends with its last attempt" | "what is acknowledged is durable" | "old states are as expected" | "attempts are numbered without gaps" | "the order of the graph is kept";
    StoreForgetsDeadLetters: Store, "dead jobs are dead letters";
    /// A new incarnation does not send what the old one had to report.
    SessionForgetsJournal: Session, "the journal is sent";
    /// An assignment that arrives twice runs twice.
    SessionStartsTwice: Session, "an attempt starts once";
    /// What must not outlive the lease does.
    SessionIgnoresLease: Session, "stop attempts run alone" | "capacity is not exceeded";
    /// What is not current runs on.
    SessionIgnoresDiscard: Session, "no process outlives its job" | "capacity is not exceeded";
    /// A failure is reported as a success.
    SessionInventsSuccess: Session, "the record says what happened";
    /// Signs of life are stamped by the wall clock and judged by model time.
    ClusterHearsByWallClock: Cluster, "who is heard from is not given up" | "stop attempts run alone";
}

impl PlantedBug {
    /// `None` for a name that is not one of these.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|bug| bug.to_string() == name)
    }

    /// What the cluster would do if it misread its rules.
    pub(crate) fn corrupt_config(self, config: &mut Config) {
        if self == Self::ClusterForgetsQuarantine {
            config.quarantine.losses = 0;
        }
    }

    /// What the cluster would see if it misread the spec.
    pub(crate) fn corrupt_spec(self, spec: &mut JobSpec) {
        if self == Self::ClusterForgetsEscalation {
            spec.deadline_action = DeadlineAction::None;
        }
        for task in &mut spec.tasks {
            let retry = &mut task.step.rules.retry;
            match self {
                Self::ClusterForgetsNeeds => task.needs = Box::default(),
                Self::ClusterForgetsFinally => task.finally = false,
                Self::ClusterRetriesTooOften => retry.retries += 3,
                Self::ClusterRerunsTheUnrepeatable => {
                    *retry = RetryRule {
                        rerun_lost: true,
                        ..retry.clone()
                    };
                }
                Self::ClusterOvercommits => task.step.resources.cpu_millis = 1,
                _ => {}
            }
        }
    }
}

impl fmt::Display for PlantedBug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
