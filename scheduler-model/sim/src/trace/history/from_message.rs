//! Messages of the API as lines of a history.

use std::collections::BTreeMap;

use super::{
    FORMAT, VERSION,
    line::{AttemptLine, Header, Instances, JobLine, NodeLine, TaskLine},
};
use drover_model::{GroupKind, JobSpec, NodeAttributes};
use drover_proto::{
    DecodeError, Violation, agent,
    job::{attempt_state_to_model, job_state_to_model},
    node,
    spec::{self, Limits, Places},
    time, v1,
};

/// The label that says whose a job is.
const OWNER: &str = "owner";

const UNKNOWN: &str = "is not one that this program knows";

/// Why a message is no line: it comes from a coordinator of another version.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error(transparent)]
    Spec(#[from] Violation),
    #[error(transparent)]
    Message(#[from] DecodeError),
}

pub fn header(header: &v1::HistoryHeader) -> Result<Header, DecodeError> {
    Ok(Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        from_ms: said_ms("from_time", header.from_time.as_ref())?,
        until_ms: said_ms("until_time", header.until_time.as_ref())?,
        policy: header.policy.clone(),
        dispatch_mode: header.dispatch_mode.clone(),
        score_weights: header.score_weights.clone(),
    })
}

pub fn node(node: &v1::Node) -> Result<NodeLine, DecodeError> {
    let capacity = node.capacity.as_ref();
    let capacity = capacity.ok_or_else(|| wrong("capacity", "is missing"))?;
    let text = |text: &str| (!text.is_empty()).then(|| text.into());
    let class = node::class_to_model(node.class).map_err(|problem| wrong("class", problem))?;
    let class = class.ok_or_else(|| wrong("class", "is missing"))?;
    let state = node::state_to_model(node.state());
    let state = state.ok_or_else(|| wrong("state", UNKNOWN))?;
    Ok(NodeLine {
        name: node.name.as_str().into(),
        state: state.to_string(),
        attributes: NodeAttributes {
            class,
            region: text(&node.region),
            labels: node.labels.clone(),
            latency_ms: node.latency_ms,
            cost_per_hour_micros: node.cost_per_hour_micros,
            power_watts: node.power_watts,
            gpu_model: text(&capacity.gpu_model),
            address: node.address.as_str().into(),
        },
        capacity: agent::resources_to_model(capacity),
        speed_permille: (node.speed * 1_000.0).round() as u32,
    })
}

/// # Errors
/// When its spec is not one that this build accepts, or a state not one that it knows: those of a newer coordinator.
pub fn job(job: &v1::Job) -> Result<JobLine, Unreadable> {
    let said = job.spec.clone().unwrap_or_default();
    let compiled = spec::compile(&said, &Limits::NONE);
    let compiled = compiled.map_err(|mut problems| problems.swap_remove(0))?;
    let places = Places::of(&said.tasks);
    let names = said.tasks.iter().map(|task| task.name.as_str());
    let reading = Reading {
        job,
        compiled: &compiled.spec,
        places: &places,
        numbers: names.zip(0..).collect(),
    };
    let tasks = said.tasks.iter().enumerate();
    let queue = &compiled.spec.queue;
    let owner = said.labels.get(OWNER).map_or(&**queue, String::as_str);
    let state = job_state_to_model(job.state());
    Ok(JobLine {
        id: job.id.clone(),
        name: compiled.name,
        owner: owner.into(),
        queue: queue.clone(),
        priority: compiled.spec.priority.get(),
        submitted_ms: said_ms("submit_time", job.submit_time.as_ref())?,
        deadline_ms: ms("deadline", job.deadline.as_ref())?,
        state: state.ok_or_else(|| wrong("state", UNKNOWN))?,
        ended_ms: ms("end_time", job.end_time.as_ref())?,
        cost_micros: job.cost_micros,
        energy_joules: job.energy_joules,
        tasks: tasks
            .map(|(place, task)| reading.task(place, task))
            .collect::<Result<_, _>>()?,
    })
}

struct Reading<'a> {
    job: &'a v1::Job,
    compiled: &'a JobSpec,
    places: &'a Places<'a>,
    /// Of tasks by name.
    numbers: BTreeMap<&'a str, u32>,
}

impl Reading<'_> {
    fn task(&self, place: usize, task: &v1::TaskSpec) -> Result<TaskLine, DecodeError> {
        let whole = self.places.of_task(place);
        let steps = self.places.instances_of(whole);
        let steps = steps.unwrap_or(whole..whole + 1);
        let first = steps.start;
        let step = self.compiled.tasks[first as usize].step.as_ref();
        let step = step.expect("whatever runs has a step");
        let needs = task.needs.iter();
        let attempts = (0..).zip(steps).flat_map(|(instance, step)| {
            let task = self.job.tasks.get(step as usize);
            task.into_iter()
                .flat_map(move |task| attempts(instance, task))
        });
        Ok(TaskLine {
            name: task.name.as_str().into(),
            needs: needs
                .filter_map(|need| self.numbers.get(need.as_str()).copied())
                .collect(),
            instances: self.instances(first),
            resources: step.resources.clone(),
            constraints: (!step.constraints.is_none()).then(|| (&*step.constraints).into()),
            stated_ms: step.expected.stated_ms,
            signature: step.expected.signature,
            retries: step.rules.retry.retries,
            attempts: attempts.collect::<Result<_, _>>()?,
        })
    }

    fn instances(&self, first: u32) -> Option<Instances> {
        let mut groups = self.compiled.groups.iter();
        let group = groups.find(|group| group.first == first)?;
        Some(match group.kind {
            GroupKind::Array { .. } => Instances::Array { count: group.count },
            GroupKind::Gang { topology } => Instances::Gang {
                size: group.count,
                topology: topology.into(),
            },
        })
    }
}

fn attempts(
    instance: u32,
    task: &v1::Task,
) -> impl Iterator<Item = Result<AttemptLine, DecodeError>> {
    let own = task.attempts.iter().map(|attempt| (false, attempt));
    let undo = task.undo_attempts.iter().map(|attempt| (true, attempt));
    own.chain(undo).map(move |(undo, attempt)| {
        let outcome = attempt_state_to_model(attempt.state());
        Ok(AttemptLine {
            instance,
            undo,
            number: attempt.number,
            node: attempt.node.as_str().into(),
            assigned_ms: said_ms("assign_time", attempt.assign_time.as_ref())?,
            started_ms: ms("start_time", attempt.start_time.as_ref())?,
            ended_ms: ms("end_time", attempt.end_time.as_ref())?,
            outcome: outcome.ok_or_else(|| wrong("attempts.state", UNKNOWN))?,
        })
    })
}

fn ms(
    field: &'static str,
    at: Option<&pbjson_types::Timestamp>,
) -> Result<Option<i64>, DecodeError> {
    let at = at.map(time::to_model).transpose();
    let at = at.map_err(|_| wrong(field, "is no time between 1970 and the year 9999"))?;
    Ok(at.map(|at| at.0))
}

/// Of a time that is always said.
fn said_ms(field: &'static str, at: Option<&pbjson_types::Timestamp>) -> Result<i64, DecodeError> {
    ms(field, at)?.ok_or_else(|| wrong(field, "is missing"))
}

fn wrong(field: &'static str, problem: &'static str) -> DecodeError {
    DecodeError { field, problem }
}

#[cfg(test)]
mod tests {
    use drover_model::{AttemptState, JobState, Timestamp};

    use super::*;

    fn task(name: &str, needs: &[&str]) -> v1::TaskSpec {
        v1::TaskSpec {
            name: name.to_owned(),
            needs: needs.iter().map(|&need| need.to_owned()).collect(),
            run: Some(v1::task_spec::Run::Simulate(v1::Simulate {
                duration: Some(time::duration(1_500)),
                failure_chance: 0.0,
            })),
            ..Default::default()
        }
    }

    fn attempt(number: u32, state: v1::AttemptState) -> v1::Attempt {
        v1::Attempt {
            number,
            state: state.into(),
            node: "n1".to_owned(),
            assign_time: Some(time::from_model(Timestamp(5))),
            ..Default::default()
        }
    }

    #[test]
    fn arrays_keep_their_attempts_by_instance() {
        let array = v1::TaskSpec {
            instances: Some(v1::task_spec::Instances::Array(v1::Array {
                count: 2,
                ..Default::default()
            })),
            ..task("map", &[])
        };
        let spec = v1::JobSpec {
            name: "job".to_owned(),
            queue: "nightly".to_owned(),
            tasks: vec![task("last", &["map"]), array],
            ..Default::default()
        };
        let mut tasks = vec![v1::Task::default(); 4];
        tasks[2].attempts = vec![
            attempt(1, v1::AttemptState::TimedOut),
            attempt(2, v1::AttemptState::Succeeded),
        ];
        let message = v1::Job {
            spec: Some(spec),
            state: v1::JobState::RolledBack.into(),
            submit_time: Some(time::from_model(Timestamp(3))),
            tasks,
            ..Default::default()
        };
        let line = job(&message).expect("a valid job");
        assert_eq!(
            (&*line.owner, line.state),
            ("nightly", JobState::RolledBack)
        );
        assert_eq!(line.tasks[0].needs, [1]);
        assert_eq!(line.tasks[0].stated_ms, Some(1_500));
        let map = &line.tasks[1];
        assert_eq!(map.instances, Some(Instances::Array { count: 2 }));
        let seen: Vec<_> = map
            .attempts
            .iter()
            .map(|it| (it.instance, it.number, it.outcome))
            .collect();
        assert_eq!(
            seen,
            [
                (1, 1, AttemptState::TimedOut),
                (1, 2, AttemptState::Succeeded)
            ]
        );
        assert_ne!(map.signature, line.tasks[0].signature);
    }

    #[test]
    fn a_job_that_this_build_does_not_accept_is_named() {
        let problem = job(&v1::Job::default()).expect_err("it has no name");
        assert!(
            matches!(&problem, Unreadable::Spec(wrong) if wrong.field == "name"),
            "{problem}"
        );
    }

    /// Of a coordinator that knows more states than this program; none of them is taken for another.
    #[test]
    fn what_this_build_does_not_know_is_refused() {
        let message = v1::Job {
            spec: Some(v1::JobSpec {
                name: "job".to_owned(),
                tasks: vec![task("only", &[])],
                ..Default::default()
            }),
            state: v1::JobState::Running.into(),
            submit_time: Some(time::from_model(Timestamp(3))),
            tasks: vec![v1::Task {
                attempts: vec![attempt(1, v1::AttemptState::Running)],
                ..Default::default()
            }],
            ..Default::default()
        };
        job(&message).expect("all of it is known");
        let mut attempted = message.clone();
        attempted.tasks[0].attempts[0].state = 99;
        let problem = wrong("attempts.state", UNKNOWN);
        assert_eq!(job(&attempted), Err(problem.into()));
        let stated = v1::Job {
            state: 99,
            ..message
        };
        assert_eq!(job(&stated), Err(wrong("state", UNKNOWN).into()));

        let host = v1::Node {
            state: v1::NodeState::Ready.into(),
            class: v1::NodeClass::Edge.into(),
            capacity: Some(v1::Resources::default()),
            ..Default::default()
        };
        assert_eq!(
            super::node(&host).expect("all of it is known").state,
            "ready"
        );
        let classed = v1::Node {
            class: 99,
            ..host.clone()
        };
        assert_eq!(super::node(&classed).expect_err("unknown").field, "class");
        let stated = v1::Node { state: 99, ..host };
        assert_eq!(super::node(&stated), Err(wrong("state", UNKNOWN)));
    }
}
