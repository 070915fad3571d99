//! Mistakes put between the machines and the world, to see that the checkers find them. Production code is not touched:
//! what a machine gives or takes is corrupted on the way.

use std::{fmt, sync::Arc};

use drover_model::{
    Admission, DeadlineAction, GroupKind, JobSpec, NodeChange, NodeOverrides, NodeRow, RetryRule,
    StepSpec, Topology, cluster::Config,
};

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
    /// Nodes that do not have what is required are taken.
    ClusterForgetsRequired: Cluster, "constraints are met" | "explanations are true";
    /// The list of nodes to avoid is not read.
    ClusterForgetsAvoided: Cluster, "constraints are met" | "explanations are true";
    /// A limit of latency is not read.
    ClusterForgetsLatency: Cluster, "constraints are met" | "explanations are true";
    /// Tasks that should be apart share nodes.
    ClusterForgetsApart: Cluster, "what must be apart is apart";
    /// What a site counts itself is not counted.
    ClusterForgetsNamed: Cluster, "capacity is not exceeded" | "explanations are true";
    /// Members of gangs start one by one.
    ClusterSplitsGangs: Cluster, "gang all or none";
    /// It does not matter where the members of a gang are.
    ClusterForgetsTopology: Cluster, "gangs lie as asked for";
    /// All instances of an array start at once.
    ClusterForgetsParallel: Cluster, "arrays keep their limit";
    /// One more instance of an array may fail.
    ClusterForgivesMore: Cluster, "a job's state fits its attempts" | "the order of the graph is kept";
    /// Processes do not hear which of how many they are.
    ClusterTellsNoInstance: Cluster, "instances know their place";
    /// Attempts that did not agree to it make room for others.
    ClusterPreemptsAnybody: Cluster, "only who agreed makes room";
    /// One more than has to makes room.
    ClusterStopsTooMany: Cluster, "nobody stops in vain";
    /// A cordon or drain is forgotten when the agent connects again.
    ClusterReopensAtJoin: Cluster, "closed nodes get nothing new" | "what operators say counts" | "explanations are true";
    /// What operators say of a node is not taken.
    ClusterForgetsOverrides: Cluster, "what operators say is recorded";
    /// Tells that all nodes are open.
    ClusterTellsOfOpenNodes: Cluster, "what operators say counts";
    /// What a drain should end runs on under the next leader.
    ClusterForgetsDrains: Cluster, "a drain ends in time" | "what operators say counts" | "what operators say is recorded";
    /// What was stopped for a drain counts as failed.
    ClusterChargesDrains: Cluster, "a drain costs no retries";
    /// Fewer attempts than the rule allows.
    ClusterRetriesTooSeldom: Cluster, "no retry is lost";
    /// Explains that nothing speaks against any node.
    ClusterExplainsNothing: Cluster, "explanations are true";
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
    /// Cordons and drains are not written.
    StoreForgetsAdmission: Store, "what is acknowledged is durable";
    StoreForgetsDeadLetters: Store, "dead jobs are dead letters";
    /// A new incarnation does not send what the old one had to report.
    SessionForgetsJournal: Session, "the journal is sent";
    /// An assignment that arrives twice runs twice.
    SessionStartsTwice: Session, "an attempt starts once";
    /// What must not outlive the lease does.
    SessionIgnoresLease: Session, "stop attempts run alone" | "capacity is not exceeded";
    /// What is not current runs on.
    SessionIgnoresDiscard: Session, "no process outlives its job" | "capacity is not exceeded";
    /// Processes are killed much later than they should be, and without a warning. To be found where nothing else is wrong.
    SessionKillsLate: Session, "a drained node is empty";
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
        for group in &mut spec.groups {
            self.corrupt_group(&mut group.kind);
        }
        for task in &mut spec.tasks {
            let Some(step) = &mut task.step else {
                continue;
            };
            let retry = &mut step.rules.retry;
            match self {
                Self::ClusterForgetsNeeds => task.needs = Box::default(),
                Self::ClusterForgetsFinally => task.finally = false,
                Self::ClusterRetriesTooOften => retry.retries += 3,
                Self::ClusterRetriesTooSeldom => retry.retries = retry.retries.saturating_sub(1),
                Self::ClusterRerunsTheUnrepeatable => {
                    *retry = RetryRule {
                        rerun_lost: true,
                        ..retry.clone()
                    };
                }
                Self::ClusterOvercommits => step.resources.cpu_millis = 1,
                _ => self.corrupt_wishes(step),
            }
        }
    }

    fn corrupt_group(self, kind: &mut GroupKind) {
        match (self, &mut *kind) {
            (Self::ClusterSplitsGangs, GroupKind::Gang { .. }) => {
                *kind = GroupKind::Array {
                    parallel: 1,
                    max_failed: 0,
                };
            }
            (Self::ClusterForgetsTopology, GroupKind::Gang { topology }) => {
                *topology = Topology::Any;
            }
            (Self::ClusterForgetsParallel, GroupKind::Array { parallel, .. }) => {
                *parallel = u32::MAX;
            }
            (Self::ClusterForgivesMore, GroupKind::Array { max_failed, .. }) => *max_failed += 1,
            _ => {}
        }
    }

    /// The same of where a step may run.
    fn corrupt_wishes(self, step: &mut StepSpec) {
        let constraints = Arc::make_mut(&mut step.constraints);
        match self {
            Self::ClusterForgetsRequired => constraints.required = None,
            Self::ClusterForgetsAvoided => constraints.avoid = Box::default(),
            Self::ClusterForgetsLatency => constraints.max_latency_ms = None,
            Self::ClusterForgetsApart => step.apart = None,
            Self::ClusterPreemptsAnybody => step.preemptible = true,
            Self::ClusterForgetsNamed => step.resources.named.clear(),
            _ => {}
        }
    }

    /// What the cluster would see if it misheard operators.
    pub(crate) fn corrupt_change(self, change: &mut NodeChange) {
        if let (Self::ClusterForgetsOverrides, NodeChange::Override(overrides)) = (self, change) {
            **overrides = NodeOverrides::default();
        }
    }

    /// What the cluster would see if it misread the record of a node.
    pub(crate) fn corrupt_node(self, row: &mut NodeRow) {
        if let (Self::ClusterForgetsDrains, Admission::Draining { deadline }) =
            (self, &mut row.admission)
        {
            *deadline = None;
        }
    }
}

impl fmt::Display for PlantedBug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
