//! Shapes and queues that are in use: made for the first task or job, forgotten with the last.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Fit, Queue, Ready, Shape, ShapeId, Standing};

impl Ready {
    /// The shape of what fits there, used once more.
    pub(crate) fn use_shape(&mut self, fit: Fit) -> ShapeId {
        if let Some(shape) = self.by_fit.get(&fit) {
            self.shapes[shape.0 as usize].uses += 1;
            return *shape;
        }
        let new = Shape {
            fit: fit.clone(),
            sites: RefCell::default(),
            standing: Cell::new(Standing::Open),
            uses: 1,
            queues: 0,
        };
        let shape = if let Some(shape) = self.free_shapes.pop() {
            self.shapes[shape.0 as usize] = new;
            shape
        } else {
            self.shapes.push(new);
            ShapeId(u32::try_from(self.shapes.len() - 1).expect("fewer than 2^32 shapes"))
        };
        self.by_fit.insert(fit, shape);
        shape
    }

    pub(crate) fn release_shape(&mut self, shape: ShapeId) {
        let released = &mut self.shapes[shape.0 as usize];
        released.uses -= 1;
        if released.uses == 0 {
            assert_eq!(released.queues, 0, "no task of an unused shape waits");
            self.by_fit.remove(&released.fit);
            self.free_shapes.push(shape);
        }
    }

    /// The queue of this name, used by one more job.
    pub(crate) fn use_queue(&mut self, namespace: &Arc<str>, queue: &Arc<str>) -> u32 {
        let known = self.by_name.get(namespace);
        if let Some(queue) = known.and_then(|queues| queues.get(queue)) {
            self.queues[*queue as usize].jobs += 1;
            return *queue;
        }
        let name = (Arc::clone(namespace), Arc::clone(queue));
        let new = Queue {
            name: name.clone(),
            jobs: 1,
            lists: BTreeMap::new(),
            heads: BTreeSet::new(),
        };
        let queue = if let Some(queue) = self.free_queues.pop() {
            self.queues[queue as usize] = new;
            queue
        } else {
            self.queues.push(new);
            u32::try_from(self.queues.len() - 1).expect("fewer than 2^32 queues")
        };
        self.by_name
            .entry(name.0)
            .or_default()
            .insert(name.1, queue);
        queue
    }

    pub(crate) fn release_queue(&mut self, queue: u32) {
        let released = &mut self.queues[queue as usize];
        released.jobs -= 1;
        if released.jobs == 0 {
            assert!(
                released.lists.is_empty(),
                "no task of an unused queue waits"
            );
            let (namespace, name) = &released.name;
            if let Some(queues) = self.by_name.get_mut(namespace) {
                queues.remove(name);
                if queues.is_empty() {
                    self.by_name.remove(namespace);
                }
            }
            self.free_queues.push(queue);
        }
    }
}
