//! The lines of a history, as they are written and read.

use std::sync::Arc;

use drover_model::{
    AttemptState, Constraints, Expression, JobState, NodeAttributes, Preference, Resources,
    Topology,
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::{FORMAT, VERSION};

/// An object with one field, so that errors keep their column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    Header(Header),
    Node(NodeLine),
    Job(Box<JobLine>),
}

/// What was asked for, and the rules in force at the time of the export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    #[serde(deserialize_with = "known_format")]
    pub format: String,
    #[serde(deserialize_with = "known_version")]
    pub version: u32,
    /// Jobs were submitted from then
    pub from_ms: i64,
    /// until before then.
    pub until_ms: i64,
    pub policy: String,
    pub dispatch_mode: String,
    pub score_weights: String,
}

/// A host, as it was at the time of the export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeLine {
    pub name: Arc<str>,
    /// `ready`, `lost`, `left` and so on.
    pub state: String,
    pub capacity: Resources,
    pub attributes: NodeAttributes,
    /// Learned from run times: 2000 is twice as fast as its peers.
    pub speed_permille: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobLine {
    pub id: String,
    pub name: Arc<str>,
    /// Its label `owner`, else its queue.
    pub owner: Arc<str>,
    pub queue: Arc<str>,
    pub priority: u8,
    pub submitted_ms: i64,
    /// A point in time.
    pub deadline_ms: Option<i64>,
    #[serde(serialize_with = "job_state_name", deserialize_with = "job_state")]
    pub state: JobState,
    /// `null`: it was still open.
    pub ended_ms: Option<i64>,
    /// Of all its attempts, in millionths of the money's unit.
    pub cost_micros: u64,
    pub energy_joules: u64,
    /// At least one, in the order of the job file.
    #[serde(deserialize_with = "sound_tasks")]
    pub tasks: Vec<TaskLine>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskLine {
    pub name: Arc<str>,
    /// Places in the job's list.
    pub needs: Vec<u32>,
    /// Absent: there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<Instances>,
    /// Of one instance.
    pub resources: Resources,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraints: Option<ConstraintsLine>,
    /// How long its user, or the program, says that it takes.
    pub stated_ms: Option<u64>,
    /// Equal work has equal ones: 16 hexadecimal digits.
    #[serde(serialize_with = "hexadecimal", deserialize_with = "from_hexadecimal")]
    pub signature: u64,
    pub retries: u32,
    pub attempts: Vec<AttemptLine>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Instances {
    Array { count: u32 },
    Gang { size: u32, topology: TopologyName },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TopologyName {
    Any,
    SameRegion,
    Ring,
}

/// As in job files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConstraintsLine {
    #[serde(
        serialize_with = "optional_text",
        deserialize_with = "optional_expression"
    )]
    pub require: Option<Expression>,
    pub prefer: Vec<PreferenceLine>,
    pub max_latency_ms: Option<u32>,
    pub gpu_model: Option<Arc<str>>,
    pub avoid_nodes: Vec<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreferenceLine {
    #[serde(serialize_with = "text", deserialize_with = "expression")]
    pub expression: Expression,
    pub weight: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptLine {
    /// From 0.
    pub instance: u32,
    /// Of the undo step instead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undo: bool,
    /// From 1.
    pub number: u32,
    pub node: Arc<str>,
    pub assigned_ms: i64,
    pub started_ms: Option<i64>,
    pub ended_ms: Option<i64>,
    #[serde(
        serialize_with = "attempt_state_name",
        deserialize_with = "attempt_state"
    )]
    pub outcome: AttemptState,
}

impl TaskLine {
    pub fn count(&self) -> u32 {
        match self.instances {
            None => 1,
            Some(Instances::Array { count }) => count,
            Some(Instances::Gang { size, .. }) => size,
        }
    }
}

impl AttemptLine {
    /// Of one that ran to an end.
    pub fn run_ms(&self) -> Option<u64> {
        let run_ms = self.ended_ms?.checked_sub(self.started_ms?)?;
        u64::try_from(run_ms).ok()
    }
}

impl From<&Constraints> for ConstraintsLine {
    fn from(constraints: &Constraints) -> Self {
        let preferred = constraints.preferred.iter();
        Self {
            require: constraints.required.clone(),
            prefer: preferred
                .map(|one| PreferenceLine {
                    expression: one.expression.clone(),
                    weight: one.weight,
                })
                .collect(),
            max_latency_ms: constraints.max_latency_ms,
            gpu_model: constraints.gpu_model.clone(),
            avoid_nodes: constraints.avoid.to_vec(),
        }
    }
}

impl From<&ConstraintsLine> for Constraints {
    fn from(line: &ConstraintsLine) -> Self {
        let mut avoid = line.avoid_nodes.clone();
        avoid.sort_unstable();
        let preferred = line.prefer.iter();
        Self {
            required: line.require.clone(),
            preferred: preferred
                .map(|one| Preference {
                    expression: one.expression.clone(),
                    weight: one.weight,
                })
                .collect(),
            max_latency_ms: line.max_latency_ms,
            gpu_model: line.gpu_model.clone(),
            avoid: avoid.into(),
        }
    }
}

impl From<TopologyName> for Topology {
    fn from(name: TopologyName) -> Self {
        match name {
            TopologyName::Any => Self::Any,
            TopologyName::SameRegion => Self::SameRegion,
            TopologyName::Ring => Self::Ring,
        }
    }
}

impl From<Topology> for TopologyName {
    fn from(topology: Topology) -> Self {
        match topology {
            Topology::Any => Self::Any,
            Topology::SameRegion => Self::SameRegion,
            Topology::Ring => Self::Ring,
        }
    }
}

fn known_format<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let format = String::deserialize(from)?;
    if format == FORMAT {
        return Ok(format);
    }
    Err(D::Error::custom(format!(
        "expected the format {FORMAT}, found {format:?}"
    )))
}

fn known_version<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let version = u32::deserialize(from)?;
    if (1..=VERSION).contains(&version) {
        return Ok(version);
    }
    Err(D::Error::custom(format!(
        "expected a version from 1 to {VERSION}, found {version}: a newer drover has written this"
    )))
}

fn sound_tasks<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<TaskLine>, D::Error> {
    let tasks = Vec::<TaskLine>::deserialize(from)?;
    if tasks.is_empty() {
        return Err(D::Error::custom("expected at least one task"));
    }
    for task in &tasks {
        check(task, tasks.len()).map_err(|problem| {
            D::Error::custom(format!("task {:?}: expected {problem}", task.name))
        })?;
    }
    Ok(tasks)
}

fn check(task: &TaskLine, tasks: usize) -> Result<(), &'static str> {
    if task.count() == 0 {
        return Err("at least one instance");
    }
    if task.needs.iter().any(|need| *need as usize >= tasks) {
        return Err("needs that are places of tasks of the job");
    }
    let mut attempts = task.attempts.iter();
    if attempts.any(|attempt| attempt.instance >= task.count()) {
        return Err("attempts of its instances only");
    }
    let goes_back = |attempt: &AttemptLine| match (attempt.started_ms, attempt.ended_ms) {
        (Some(started), Some(ended)) => ended < started,
        _ => false,
    };
    if task.attempts.iter().any(goes_back) {
        return Err("attempts that end after they have started");
    }
    Ok(())
}

fn job_state<'de, D: Deserializer<'de>>(from: D) -> Result<JobState, D::Error> {
    let name = String::deserialize(from)?;
    JobState::from_name(&name)
        .ok_or_else(|| D::Error::custom(format!("expected the state of a job, found {name:?}")))
}

fn attempt_state<'de, D: Deserializer<'de>>(from: D) -> Result<AttemptState, D::Error> {
    let name = String::deserialize(from)?;
    AttemptState::from_name(&name).ok_or_else(|| {
        D::Error::custom(format!("expected the state of an attempt, found {name:?}"))
    })
}

fn expression<'de, D: Deserializer<'de>>(from: D) -> Result<Expression, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(D::Error::custom)
}

fn optional_expression<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Expression>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| text.parse().map_err(D::Error::custom))
        .transpose()
}

fn from_hexadecimal<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let text = String::deserialize(from)?;
    u64::from_str_radix(&text, 16)
        .map_err(|_| D::Error::custom(format!("expected 16 hexadecimal digits, found {text:?}")))
}

fn hexadecimal<S: serde::Serializer>(value: &u64, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{value:016x}"))
}

fn text<S: serde::Serializer>(value: &Expression, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

#[expect(clippy::ref_option, reason = "serde hands fields over so")]
fn optional_text<S: serde::Serializer>(
    value: &Option<Expression>,
    to: S,
) -> Result<S::Ok, S::Error> {
    value.as_ref().map(ToString::to_string).serialize(to)
}

fn job_state_name<S: serde::Serializer>(state: &JobState, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(state.as_str())
}

fn attempt_state_name<S: serde::Serializer>(
    state: &AttemptState,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.serialize_str(state.as_str())
}
