//! Arrays and gangs: what may be wrong with them, and the tasks that the model runs for them.

use std::collections::HashMap;

use drover_model::TaskSpec;

use super::{
    Limits, Problems,
    places::{Places, Role, instances, split_instance},
};
use crate::v1::{self, Topology, task_spec::Instances};

/// Members learn where all others are, so that what they are told grows with the square.
const MAX_GANG: u32 = 1_000;

/// Checks how many of each task there are. False when something is wrong: then nothing may be expanded, or counted.
pub(super) fn check(tasks: &[v1::TaskSpec], limits: &Limits, problems: &mut Problems) -> bool {
    let before = problems.0.len();
    for (index, task) in tasks.iter().enumerate() {
        match &task.instances {
            None => {}
            Some(Instances::Array(array)) => check_array(index, array, limits, problems),
            Some(Instances::Gang(gang)) => check_gang(index, gang, problems),
        }
    }
    if problems.0.len() == before {
        check_sum(tasks, limits, problems);
        check_names(tasks, problems);
    }
    problems.0.len() == before
}

fn check_array(index: usize, array: &v1::Array, limits: &Limits, problems: &mut Problems) {
    let most = limits.instances_per_job;
    if array.count == 0 || array.count as usize > most {
        problems.add(
            format!("tasks[{index}].array.count"),
            format!("must be from 1 to {most}, not {}", array.count),
        );
    } else if array.max_failed >= array.count {
        problems.add(
            format!("tasks[{index}].array.max_failed"),
            format!(
                "must be less than the {} instances that there are, not {}",
                array.count, array.max_failed
            ),
        );
    }
}

fn check_gang(index: usize, gang: &v1::Gang, problems: &mut Problems) {
    if gang.size == 0 || gang.size > MAX_GANG {
        problems.add(
            format!("tasks[{index}].gang.size"),
            format!("must be from 1 to {MAX_GANG}, not {}", gang.size),
        );
    }
    if Topology::try_from(gang.topology).is_err() {
        problems.add(
            format!("tasks[{index}].gang.topology"),
            format!("{} is not a known topology", gang.topology),
        );
    }
}

fn check_sum(tasks: &[v1::TaskSpec], limits: &Limits, problems: &mut Problems) {
    let each = tasks
        .iter()
        .map(|task| instances(task).unwrap_or(1) as usize);
    let all: usize = each.sum();
    let most = limits.instances_per_job.max(limits.tasks_per_job);
    if all > most {
        problems.add(
            "tasks",
            format!("the job has {all} tasks with all their instances; the limit is {most}"),
        );
    }
}

/// No task may be named like an instance of another.
fn check_names(tasks: &[v1::TaskSpec], problems: &mut Problems) {
    let groups = tasks.iter().enumerate();
    let groups: HashMap<&str, (usize, u32)> = groups
        .filter_map(|(place, task)| Some((task.name.as_str(), (place, instances(task)?))))
        .collect();
    if groups.is_empty() {
        return;
    }
    for (index, task) in tasks.iter().enumerate() {
        let Some((name, number)) = split_instance(&task.name) else {
            continue;
        };
        if let Some((of, count)) = groups.get(name)
            && number < *count
        {
            problems.add(
                format!("tasks[{index}].name"),
                format!(
                    "`{}` is the name of an instance of tasks[{of}]; names must be unique within a job",
                    task.name
                ),
            );
        }
    }
}

/// The model's tasks, from one for each task of the spec that needs places there.
pub(super) fn expand(places: &Places<'_>, tasks: Vec<TaskSpec>) -> Vec<TaskSpec> {
    let mut all = Vec::with_capacity(places.count() as usize);
    for (index, mut task) in tasks.into_iter().enumerate() {
        let needs = task.needs.iter().map(|need| places.of_task(*need as usize));
        task.needs = needs.collect();
        let first = all.len() as u32;
        let whole = places.of_task(index);
        match places.get(whole).map(|place| place.role) {
            Some(Role::Whole) => {
                let finally = task.finally;
                all.resize(whole as usize, task);
                all.push(TaskSpec {
                    needs: (first..whole).collect(),
                    finally,
                    step: None,
                    undo: None,
                });
            }
            _ => all.push(task),
        }
    }
    all
}
