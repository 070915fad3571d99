//! What operators say of nodes counts, is recorded, and is told again.

use drover_model::{Answer, CallerId, NodeName, NodeRow, NodeView, Refusal};

use super::{Checker, view::View};
use crate::faults::world::database::Database;

const COUNTS: &str = "what operators say counts";

impl Checker {
    /// The rows of nodes that a step writes.
    pub(super) fn nodes_recorded(&mut self, view: &View, rows: &[NodeRow]) {
        for row in rows {
            let host = view.hosts.get(&row.name);
            let same = host.is_some_and(|host| host.is_recorded_by(row));
            self.require(same, "what operators say is recorded", || {
                format!("{row:?}, but {host:?}")
            });
        }
    }

    /// The answer to an operator, as it is decided.
    pub(super) fn operator_answered(&mut self, view: &View, node: &NodeName, answer: &Answer) {
        let known = view.hosts.contains_key(node);
        match answer {
            Answer::NodeSet(said) if known && said.name == *node => self.told_of(view, said),
            Answer::Refused(Refusal::UnknownNode(name)) if !known && name == node => {}
            _ => self.fail(COUNTS, format!("{node} was changed: {answer:?}")),
        }
    }

    /// All nodes, as somebody is told of them.
    pub(super) fn all_told_of(&mut self, view: &View, nodes: &[NodeView]) {
        let all = view.hosts.len();
        self.require(nodes.len() == all, COUNTS, || {
            format!("{} nodes are told of, and there are {all}", nodes.len())
        });
        for said in nodes {
            self.told_of(view, said);
        }
    }

    fn told_of(&mut self, view: &View, said: &NodeView) {
        let host = view.hosts.get(&said.name);
        let same = host.is_some_and(|host| {
            let active = host.active.len() as u32;
            host.attributes == said.attributes
                && host.admission == said.admission
                && active == said.active_attempts
        });
        self.require(same, COUNTS, || format!("{said:?}, but {host:?}"));
    }

    /// An operator hears that a node is changed: the record knows, or has been told something else since.
    pub fn node_set(
        &mut self,
        coordinator: usize,
        caller: CallerId,
        node: &NodeName,
        database: &Database,
    ) {
        let Some(Some(view)) = self.views.get(coordinator) else {
            return;
        };
        let host = view.hosts.get(node);
        let Some(host) = host.filter(|host| host.changed_by == Some(caller)) else {
            return;
        };
        let row = database.nodes.get(node);
        let durable = row.is_some_and(|row| host.is_recorded_by(row));
        let what = format!("{node} is {host:?}, the row is {row:?}");
        self.require(durable, "what is acknowledged is durable", || what);
    }
}
