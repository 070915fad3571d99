//! Where the tasks of a job stand in the model's list: the instances of each, and behind them the task that stands for
//! them all. Everything that goes between names and places goes through here.

use std::ops::Range;

use drover_model::{Group, GroupKind, Topology};

use crate::v1::{self, task_spec::Instances};

/// The tasks of a job as the model numbers them.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub task: &'a v1::TaskSpec,
    pub role: Role,
}

/// What one place in the model's list is of a task of the spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The task itself: it has no instances.
    Alone,
    /// One of its instances, from 0.
    Instance(u32),
    /// Stands for all its instances.
    Whole,
}

impl Place<'_> {
    pub(crate) fn is_of_gang(&self) -> bool {
        matches!(self.task.instances, Some(Instances::Gang(_)))
    }

    /// `NAME`, or `NAME[i]` of an instance.
    pub fn name(&self) -> String {
        match self.role {
            Role::Instance(index) => format!("{}[{index}]", self.task.name),
            Role::Alone | Role::Whole => self.task.name.clone(),
        }
    }
}

/// From tasks of a spec to places, and back.
#[derive(Clone, Debug)]
pub struct Places<'a> {
    tasks: &'a [v1::TaskSpec],
    /// The first place of each task, and behind them the number of all places.
    starts: Vec<u32>,
}

impl<'a> Places<'a> {
    /// Of a spec that was accepted. Of any other, places beyond 2^32 are no use.
    pub fn of(tasks: &'a [v1::TaskSpec]) -> Self {
        let mut next = 0u32;
        let mut starts = vec![next];
        starts.extend(tasks.iter().map(|task| {
            let places = instances(task).map_or(1, |count| count.saturating_add(1));
            next = next.saturating_add(places);
            next
        }));
        Self { tasks, starts }
    }

    pub(crate) fn tasks(&self) -> &'a [v1::TaskSpec] {
        self.tasks
    }

    /// How many places there are. Undo steps are numbered behind them, in the same order.
    pub fn count(&self) -> u32 {
        *self.starts.last().expect("one more than tasks")
    }

    /// The place that others mean who need the task: its own, or that of the one that stands for its instances.
    pub fn of_task(&self, task: usize) -> u32 {
        self.starts[task + 1] - 1
    }

    /// `NAME`, or `NAME[i]` of an instance.
    pub fn find(&self, name: &str) -> Option<u32> {
        let named = |name: &str| self.tasks.iter().position(|task| task.name == name);
        if let Some(task) = named(name) {
            return Some(self.of_task(task));
        }
        let (name, index) = split_instance(name)?;
        let task = named(name)?;
        let count = instances(&self.tasks[task])?;
        (index < count).then(|| self.starts[task] + index)
    }

    /// What is at a place; an undo step is at that of its task.
    pub fn get(&self, step: u32) -> Option<Place<'a>> {
        let place = step.checked_rem(self.count())?;
        let task = self.starts.partition_point(|start| *start <= place) - 1;
        let of = &self.tasks[task];
        let role = match instances(of) {
            None => Role::Alone,
            Some(_) if place == self.of_task(task) => Role::Whole,
            Some(_) => Role::Instance(place - self.starts[task]),
        };
        Some(Place { task: of, role })
    }

    /// The places of the instances that a place stands for; `None` if it stands for none.
    pub fn instances_of(&self, place: u32) -> Option<Range<u32>> {
        let Place { task, role } = self.get(place)?;
        let count = instances(task)?;
        (role == Role::Whole).then(|| place - count..place)
    }

    /// What there is to name, for people: `NAME`, or `NAME[0]` to `NAME[9]`.
    pub fn words(&self) -> impl Iterator<Item = String> {
        self.tasks.iter().map(|task| match instances(task) {
            None | Some(0) => task.name.clone(),
            Some(count) => format!("{0} ({0}[0] to {0}[{1}])", task.name, count - 1),
        })
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Place<'a>> {
        let tasks = self.tasks.iter();
        tasks.flat_map(|task| {
            let count = instances(task);
            let instances = (0..count.unwrap_or(0)).map(Role::Instance);
            let last = match count {
                None => Role::Alone,
                Some(_) => Role::Whole,
            };
            instances
                .chain([last])
                .map(move |role| Place { task, role })
        })
    }

    /// The arrays and gangs among them, ascending.
    pub(crate) fn groups(&self) -> Vec<Group> {
        let tasks = self.tasks.iter().zip(&self.starts);
        let group = |(task, first): (&v1::TaskSpec, &u32)| {
            Some(Group {
                first: *first,
                count: instances(task)?,
                kind: kind(task)?,
            })
        };
        tasks.filter_map(group).collect()
    }
}

/// How many instances a task has; `None` if it is no array or gang.
pub(crate) fn instances(task: &v1::TaskSpec) -> Option<u32> {
    match task.instances.as_ref()? {
        Instances::Array(array) => Some(array.count),
        Instances::Gang(gang) => Some(gang.size),
    }
}

pub(crate) fn kind(task: &v1::TaskSpec) -> Option<GroupKind> {
    Some(match task.instances.as_ref()? {
        Instances::Array(array) => GroupKind::Array {
            parallel: match array.parallel {
                0 => u32::MAX,
                limit => limit,
            },
            max_failed: array.max_failed,
        },
        Instances::Gang(gang) => GroupKind::Gang {
            topology: match gang.topology() {
                v1::Topology::SameRegion => Topology::SameRegion,
                v1::Topology::Ring => Topology::Ring,
                v1::Topology::Any | v1::Topology::Unspecified => Topology::Any,
            },
        },
    })
}

/// `NAME[i]`, with the number as it is written.
pub(crate) fn split_instance(name: &str) -> Option<(&str, u32)> {
    let (name, index) = name.strip_suffix(']')?.rsplit_once('[')?;
    let number: u32 = index.parse().ok()?;
    (number.to_string() == index).then_some((name, number))
}
