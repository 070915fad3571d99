//! What a job's spec says of where its tasks may stand.

use std::collections::HashMap;

use drover_model::Group;

use crate::spec::{Place, Places, Role};

/// What of a task's spec decides where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlannedTask {
    /// Places in the job's list, without a cycle.
    pub needs: Box<[u32]>,
    pub finally: bool,
    /// Whether it has an undo step.
    pub undo: bool,
    /// The array or gang that it stands for: it needs its instances, and has nothing to run.
    pub stands_for: Option<Group>,
}

/// The model's list of tasks. Needs that no task is named by are passed over: an accepted spec has none.
pub fn plan(places: &Places<'_>) -> Vec<PlannedTask> {
    let tasks = places.tasks();
    let index: HashMap<&str, u32> = (0..tasks.len())
        .map(|place| (tasks[place].name.as_str(), places.of_task(place)))
        .collect();
    let mut groups = places.groups().into_iter();
    let mut planned = Vec::with_capacity(places.count() as usize);
    for Place { task, role } in places.iter() {
        if role == Role::Whole {
            let group = groups.next().expect("one of each array and gang");
            planned.push(PlannedTask {
                needs: (group.first..group.whole()).collect(),
                finally: task.finally,
                undo: false,
                stands_for: Some(group),
            });
            continue;
        }
        let needs = task.needs.iter();
        planned.push(PlannedTask {
            needs: needs
                .filter_map(|need| index.get(need.as_str()).copied())
                .collect(),
            finally: task.finally,
            undo: task.undo.is_some(),
            stands_for: None,
        });
    }
    planned
}
