//! Messages of the API as lines of a history.

use std::collections::HashMap;

use drover_model::{
    AttemptState, GroupKind, JobSpec, JobState, NodeAttributes, NodeClass, Resources,
};
use drover_proto::{
    Violation,
    spec::{self, Limits, Places},
    time, v1,
};
use drover_sim::trace::history::{
    FORMAT, VERSION,
    line::{AttemptLine, Header, Instances, JobLine, NodeLine, TaskLine},
};

/// The label that says whose a job is.
const OWNER: &str = "owner";

pub fn header(header: &v1::HistoryHeader) -> Header {
    Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        from_ms: ms(header.from_time.as_ref()).unwrap_or(0),
        until_ms: ms(header.until_time.as_ref()).unwrap_or(0),
        policy: header.policy.clone(),
        dispatch_mode: header.dispatch_mode.clone(),
        score_weights: header.score_weights.clone(),
    }
}

pub fn node(node: &v1::Node) -> NodeLine {
    let capacity = node.capacity.clone().unwrap_or_default();
    let text = |text: &str| (!text.is_empty()).then(|| text.into());
    let class = match node.class() {
        v1::NodeClass::Edge => NodeClass::Edge,
        v1::NodeClass::Gpu => NodeClass::Gpu,
        v1::NodeClass::Cloud | v1::NodeClass::Unspecified => NodeClass::Cloud,
    };
    NodeLine {
        name: node.name.as_str().into(),
        state: short(node.state().as_str_name(), "NODE_STATE_"),
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
        capacity: resources(&capacity),
        speed_permille: (node.speed * 1_000.0).round() as u32,
    }
}

fn resources(from: &v1::Resources) -> Resources {
    let named = from.custom.iter();
    Resources {
        cpu_millis: from.cpu_millis,
        memory_bytes: from.memory_bytes,
        gpus: from.gpus,
        disk_bytes: from.disk_bytes,
        named: named
            .map(|(name, amount)| (name.as_str().into(), *amount))
            .collect(),
    }
}

/// # Errors
/// When its spec is not one that this build accepts: a newer coordinator has accepted it.
pub fn job(job: &v1::Job) -> Result<JobLine, Violation> {
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
    let state = short(job.state().as_str_name(), "JOB_STATE_");
    Ok(JobLine {
        id: job.id.clone(),
        name: compiled.name,
        owner: owner.into(),
        queue: queue.clone(),
        priority: compiled.spec.priority.get(),
        submitted_ms: ms(job.submit_time.as_ref()).unwrap_or(0),
        deadline_ms: ms(job.deadline.as_ref()),
        state: JobState::from_name(&state).unwrap_or(JobState::Queued),
        ended_ms: ms(job.end_time.as_ref()),
        cost_micros: job.cost_micros,
        energy_joules: job.energy_joules,
        tasks: tasks
            .map(|(place, task)| reading.task(place, task))
            .collect(),
    })
}

struct Reading<'a> {
    job: &'a v1::Job,
    compiled: &'a JobSpec,
    places: &'a Places<'a>,
    /// Of tasks by name.
    numbers: HashMap<&'a str, u32>,
}

impl Reading<'_> {
    fn task(&self, place: usize, task: &v1::TaskSpec) -> TaskLine {
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
        TaskLine {
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
            attempts: attempts.collect(),
        }
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

fn attempts(instance: u32, task: &v1::Task) -> impl Iterator<Item = AttemptLine> {
    let own = task.attempts.iter().map(|attempt| (false, attempt));
    let undo = task.undo_attempts.iter().map(|attempt| (true, attempt));
    own.chain(undo).map(move |(undo, attempt)| {
        let state = short(attempt.state().as_str_name(), "ATTEMPT_STATE_");
        AttemptLine {
            instance,
            undo,
            number: attempt.number,
            node: attempt.node.as_str().into(),
            assigned_ms: ms(attempt.assign_time.as_ref()).unwrap_or(0),
            started_ms: ms(attempt.start_time.as_ref()),
            ended_ms: ms(attempt.end_time.as_ref()),
            outcome: AttemptState::from_name(&state).unwrap_or(AttemptState::Assigned),
        }
    })
}

fn ms(at: Option<&pbjson_types::Timestamp>) -> Option<i64> {
    time::to_model(at?).ok().map(|at| at.0)
}

/// `JOB_STATE_TIMED_OUT` as the record has it: `timed_out`.
fn short(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix)
        .unwrap_or(name)
        .to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
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
            assign_time: Some(time::from_model(drover_model::Timestamp(5))),
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
        assert_eq!(problem.field, "name");
    }
}
