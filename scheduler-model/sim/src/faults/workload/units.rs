//! From the shape of a job to its tasks: a unit of it is a task, or an array or gang with the task that stands for it.

use drover_model::{Group, GroupKind, TaskSpec, Topology};

use super::{PlannedStep, shape::Shape};
use crate::{faults::setting::Setting, random::Random};

/// The tasks of a job, and what is known of their steps.
pub(super) struct Units {
    pub(super) tasks: Vec<TaskSpec>,
    /// Tasks, then their undo steps. What has no step has one here that nobody looks at.
    pub(super) steps: Vec<PlannedStep>,
    pub(super) groups: Vec<Group>,
}

/// What stands at one place of a shape.
struct Unit {
    kind: Option<GroupKind>,
    count: u32,
    /// It may take more than one node.
    wide: bool,
    step: PlannedStep,
    undo: Option<PlannedStep>,
}

/// How likely things go wrong, and whether they can be taken back.
pub(super) struct Mood {
    pub(super) trouble: u64,
    pub(super) undoable: bool,
}

impl Units {
    pub(super) fn draw(
        number: u32,
        shape: &Shape,
        mood: &Mood,
        setting: &Setting,
        random: &mut Random,
    ) -> Self {
        let mut units: Vec<Unit> = (0..shape.needs.len())
            .map(|place| Unit::draw(mood, shape.finally[place], setting, random))
            .collect();
        keep_apart(&mut units, random);
        let mut drawn = Self {
            tasks: Vec::new(),
            steps: Vec::new(),
            groups: Vec::new(),
        };
        let places = places(&units);
        for (place, unit) in units.iter().enumerate() {
            let needs = shape.needs[place].iter();
            let needs = needs.map(|needed| places[*needed as usize]).collect();
            drawn.add(number, unit, needs, shape.finally[place]);
        }
        drawn.add_undo_steps(number, &units);
        drawn
    }

    fn add(&mut self, number: u32, unit: &Unit, mut needs: Vec<u32>, finally: bool) {
        needs.sort_unstable();
        let first = self.tasks.len() as u32;
        for task in first..first + unit.count {
            self.steps.push(unit.step.clone());
            self.tasks.push(TaskSpec {
                needs: needs.as_slice().into(),
                finally,
                step: Some(unit.step.spec(number, task)),
                undo: None,
            });
        }
        if let Some(kind) = unit.kind {
            let count = unit.count;
            self.groups.push(Group { first, count, kind });
            self.steps.push(unit.step.clone());
            self.tasks.push(TaskSpec {
                needs: (first..first + count).collect(),
                finally,
                step: None,
                undo: None,
            });
        }
    }

    fn add_undo_steps(&mut self, number: u32, units: &[Unit]) {
        let count = self.tasks.len() as u32;
        let mut task = 0;
        for unit in units {
            for instance in 0..unit.size() {
                let undo = unit.undo.as_ref().filter(|_| instance < unit.count);
                self.tasks[task as usize].undo = undo.map(|undo| undo.spec(number, count + task));
                self.steps.push(undo.unwrap_or(&unit.step).clone());
                task += 1;
            }
        }
    }
}

impl Unit {
    fn draw(mood: &Mood, finally: bool, setting: &Setting, random: &mut Random) -> Self {
        let (count, kind, wide) = kind(setting, random);
        let at_once = match kind {
            Some(GroupKind::Gang { .. }) => count,
            _ => 1,
        };
        let step = PlannedStep::task(mood.trouble, at_once, wide, setting, random);
        let has_undo = mood.undoable && !finally && random.chance(700);
        Self {
            kind,
            count,
            wide,
            step,
            undo: has_undo.then(|| PlannedStep::undo(setting, random)),
        }
    }

    /// How many tasks it makes.
    fn size(&self) -> u32 {
        self.count + u32::from(self.kind.is_some())
    }

    /// A gang that was promised room on one node is not asked to spread, lest it waits for ever.
    fn may_be_apart(&self) -> bool {
        let is_gang = matches!(self.kind, Some(GroupKind::Gang { .. }));
        !is_gang || self.wide || self.step.rules.start_timeout_ms.is_some()
    }
}

/// How many, of what, and whether they need more than one node.
fn kind(setting: &Setting, random: &mut Random) -> (u32, Option<GroupKind>, bool) {
    let topology = *random.pick(&[Topology::Any, Topology::SameRegion, Topology::Ring]);
    match random.below(100) {
        0..5 => {
            let parallel = *random.pick(&[1, 2, 3, u32::MAX]);
            let count = random.spread(1, 10) as u32;
            let max_failed = random.below(3) as u32;
            let kind = GroupKind::Array {
                parallel,
                max_failed,
            };
            (count, Some(kind), false)
        }
        5..9 => {
            let kind = GroupKind::Gang { topology };
            (random.between(1, 4) as u32, Some(kind), false)
        }
        9..12 => {
            let topology = match topology {
                Topology::SameRegion => Topology::Any,
                other => other,
            };
            let kind = GroupKind::Gang { topology };
            (setting.agents.len() as u32, Some(kind), true)
        }
        _ => (1, None, false),
    }
}

/// Where the task is that others need, of each unit.
fn places(units: &[Unit]) -> Vec<u32> {
    let mut end = 0;
    let ends = units.iter().map(|unit| {
        end += unit.size();
        end - 1
    });
    ends.collect()
}

/// Some jobs spread their tasks over nodes, in one group or two.
fn keep_apart(units: &mut [Unit], random: &mut Random) {
    if !random.chance(250) {
        return;
    }
    let groups = random.between(1, 2);
    for unit in units {
        if random.chance(700) && unit.may_be_apart() {
            unit.step.apart = Some(random.below(groups) as u32);
        }
    }
}
