//! Who needs whom in a job, both ways, in few allocations for the whole job.

/// The arrows of a job's graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edges {
    needs: Lists,
    dependents: Lists,
}

impl Edges {
    /// `None` when no task needs another. `needs[i]` are the places of what task `i` needs.
    pub(crate) fn of(needs: &[Box<[u32]>]) -> Option<Self> {
        if needs.iter().all(|needs| needs.is_empty()) {
            return None;
        }
        let arrows = || {
            let tasks = (0..).zip(needs);
            tasks.flat_map(|(task, needs)| needs.iter().map(move |needed| (task, *needed)))
        };
        Some(Self {
            needs: Lists::of(needs.len(), arrows()),
            dependents: Lists::of(needs.len(), arrows().map(|(task, needed)| (needed, task))),
        })
    }

    pub(crate) fn needs(&self, task: u32) -> &[u32] {
        &self.needs.items[self.needs.range(task)]
    }

    /// Places for [`Edges::dependent`].
    pub(crate) fn dependents(&self, task: u32) -> std::ops::Range<usize> {
        self.dependents.range(task)
    }

    pub(crate) fn dependent(&self, place: usize) -> u32 {
        self.dependents.items[place]
    }
}

/// A list for each task, one behind the other.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lists {
    /// Task `i` owns `items[starts[i]..starts[i + 1]]`.
    starts: Box<[u32]>,
    items: Box<[u32]>,
}

impl Lists {
    fn of(tasks: usize, pairs: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut starts = vec![0u32; tasks + 1];
        for (owner, _) in pairs.clone() {
            starts[owner as usize + 1] += 1;
        }
        for task in 1..starts.len() {
            starts[task] += starts[task - 1];
        }
        let mut next = starts.clone();
        let mut items = vec![0u32; starts[tasks] as usize];
        for (owner, item) in pairs {
            let place = &mut next[owner as usize];
            items[*place as usize] = item;
            *place += 1;
        }
        Self {
            starts: starts.into(),
            items: items.into(),
        }
    }

    fn range(&self, task: u32) -> std::ops::Range<usize> {
        self.starts[task as usize] as usize..self.starts[task as usize + 1] as usize
    }
}
