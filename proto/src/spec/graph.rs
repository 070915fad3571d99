//! Names of tasks become places in the list, and the graph is checked.

use std::collections::{HashMap, hash_map::Entry};

use drover_model::dag;

use super::{
    Problems,
    names::{MAX_NAME_CHARS, name_problem},
    places::split_instance,
};
use crate::v1;

/// Guessing what was meant compares with every name: done for the first few only, so that no request costs seconds.
const MAX_SUGGESTIONS: usize = 8;
const MAX_SUGGESTED_BYTES: usize = 64;
/// Names shown of a long cycle.
const MAX_CYCLE_NAMES: usize = 20;

/// Ascending places of what each task needs.
pub(super) fn resolve(tasks: &[v1::TaskSpec], problems: &mut Problems) -> Vec<Box<[u32]>> {
    let places = index_names(tasks, problems);
    let mut unknown = 0;
    let mut all = Vec::with_capacity(tasks.len());
    for (index, task) in tasks.iter().enumerate() {
        let mut needs = Vec::with_capacity(task.needs.len());
        for (number, need) in task.needs.iter().enumerate() {
            let place = places.get(need.as_str()).copied();
            match place {
                Some(place) if place as usize == index || *need == task.name => problems.add(
                    format!("tasks[{index}].needs[{number}]"),
                    format!("task `{need}` needs itself"),
                ),
                Some(place) => {
                    let problem = stage_problem(task, &tasks[place as usize]);
                    if let Some(problem) = problem {
                        problems.add(format!("tasks[{index}].needs[{number}]"), problem);
                    }
                    needs.push(place);
                }
                None => {
                    unknown += 1;
                    let hint = if unknown <= MAX_SUGGESTIONS {
                        nearest(need, tasks)
                    } else {
                        None
                    };
                    problems.add(
                        format!("tasks[{index}].needs[{number}]"),
                        unknown_name(need, hint.or_else(|| whole(need, tasks))),
                    );
                }
            }
        }
        needs.sort_unstable();
        needs.dedup();
        all.push(needs.into_boxed_slice());
    }
    if let Err(cycle) = dag::check(&all) {
        report_cycle(tasks, &cycle, problems);
    }
    all
}

/// `finally` tasks run when all others have ended, whatever happened.
fn stage_problem(task: &v1::TaskSpec, needed: &v1::TaskSpec) -> Option<String> {
    match (task.finally, needed.finally) {
        (true, false) => Some(format!(
            "`{}` is no `finally` task, and a `finally` task may need only its kind: it runs when all others have \
             ended anyway",
            needed.name
        )),
        (false, true) => Some(format!(
            "`{}` is a `finally` task, which runs only when this one has ended",
            needed.name
        )),
        _ => None,
    }
}

/// Place of each name; of a name used twice, the first.
fn index_names<'a>(tasks: &'a [v1::TaskSpec], problems: &mut Problems) -> HashMap<&'a str, u32> {
    let mut places = HashMap::with_capacity(tasks.len());
    for (index, task) in tasks.iter().enumerate() {
        if let Some(problem) = name_problem(&task.name) {
            problems.add(format!("tasks[{index}].name"), problem);
            if task.name.is_empty() {
                continue;
            }
        }
        match places.entry(task.name.as_str()) {
            Entry::Vacant(entry) => {
                let place = u32::try_from(index).expect("the message size bounds the tasks");
                entry.insert(place);
            }
            Entry::Occupied(first) => problems.add(
                format!("tasks[{index}].name"),
                format!(
                    "`{}` is the name of tasks[{}] already; names must be unique within a job",
                    task.name,
                    first.get()
                ),
            ),
        }
    }
    places
}

fn nearest<'a>(wanted: &str, tasks: &'a [v1::TaskSpec]) -> Option<&'a str> {
    if wanted.len() > MAX_SUGGESTED_BYTES {
        return None;
    }
    tasks
        .iter()
        .map(|task| task.name.as_str())
        .filter(|name| !name.is_empty() && name.len() <= MAX_SUGGESTED_BYTES)
        .map(|name| (strsim::damerau_levenshtein(wanted, name), name))
        .filter(|(distance, _)| *distance * 3 <= wanted.chars().count().max(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The array or gang of which an instance is named.
fn whole<'a>(wanted: &str, tasks: &'a [v1::TaskSpec]) -> Option<&'a str> {
    let (name, _) = split_instance(wanted)?;
    let task = tasks.iter().find(|task| task.name == name)?;
    task.instances.as_ref().map(|_| task.name.as_str())
}

fn unknown_name(need: &str, hint: Option<&str>) -> String {
    let shown: String = need.chars().take(MAX_NAME_CHARS).collect();
    match hint {
        Some(hint) => format!("no task is named {shown:?}; did you mean `{hint}`?"),
        None => format!("no task is named {shown:?}"),
    }
}

fn report_cycle(tasks: &[v1::TaskSpec], cycle: &dag::Cycle, problems: &mut Problems) {
    let name = |place: &u32| tasks[*place as usize].name.as_str();
    let mut names: Vec<&str> = cycle.path.iter().take(MAX_CYCLE_NAMES).map(name).collect();
    if cycle.path.len() > MAX_CYCLE_NAMES {
        names.push("...");
    }
    names.extend(cycle.path.first().map(name));
    let field = match cycle.path.first() {
        Some(first) => format!("tasks[{first}].needs"),
        None => "tasks".to_owned(),
    };
    problems.add(
        field,
        format!(
            "tasks wait for each other, each needs the next: {}",
            names.join(" -> ")
        ),
    );
}
