//! Arrays and gangs, as scripts describe them: `a array=3` is `a[0]`, `a[1]`, `a[2]` and, for them all, `a`.

use drover_model::{Group, GroupKind, TaskSpec, Topology};

use super::options::Options;

/// `array=COUNT parallel=K max_failed=M` or `gang=SIZE topology=same-region|ring`, if any.
fn group(text: &str, first: u32) -> Option<Group> {
    let options = Options::parse(text.split_whitespace().skip(1));
    let number = |key, default: u32| options.number(key, default.into()) as u32;
    let topology = match options.get("topology") {
        Some("same-region") => Topology::SameRegion,
        Some("ring") => Topology::Ring,
        _ => Topology::Any,
    };
    let (count, kind) = match (number("array", 0), number("gang", 0)) {
        (0, 0) => return None,
        (0, size) => (size, GroupKind::Gang { topology }),
        (count, _) => {
            let kind = GroupKind::Array {
                parallel: number("parallel", u32::MAX),
                max_failed: number("max_failed", 0),
            };
            (count, kind)
        }
    };
    Some(Group { first, count, kind })
}

/// Names of all tasks in their order, and the groups among them.
pub(super) fn plan(tasks: &str) -> (Vec<String>, Vec<Group>) {
    let (mut names, mut groups) = (Vec::new(), Vec::new());
    for text in tasks.split('|') {
        let name = text.split_whitespace().next().expect("a task name");
        if let Some(group) = group(text, names.len() as u32) {
            names.extend((0..group.count).map(|index| format!("{name}[{index}]")));
            groups.push(group);
        }
        names.push(name.to_owned());
    }
    (names, groups)
}

/// The task itself; of a group, its instances, and the task that stands for them.
pub(super) fn expand(task: TaskSpec, first: u32, groups: &[Group]) -> Vec<TaskSpec> {
    let Some(group) = groups.iter().find(|group| group.first == first) else {
        return vec![task];
    };
    let whole = TaskSpec {
        needs: (group.first..group.whole()).collect(),
        finally: task.finally,
        step: None,
        undo: None,
    };
    let mut all = vec![task; group.count as usize];
    all.push(whole);
    all
}
