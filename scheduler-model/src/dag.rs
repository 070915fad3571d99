//! Directed acyclic graphs of tasks, given as the list of what each task needs.

use petgraph::{
    algo::{kosaraju_scc, toposort},
    graph::{DiGraph, NodeIndex},
    visit::EdgeRef as _,
};

/// Tasks that wait for each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tasks {path:?} wait for each other")]
pub struct Cycle {
    /// Places of the tasks along the cycle: each needs the next, the last needs the first.
    pub path: Vec<u32>,
}

/// Checks that nothing waits for itself. `needs[i]` are the places of the tasks that task `i` needs.
///
/// # Panics
/// When a place is out of range: the caller has resolved names to places.
pub fn check(needs: &[Box<[u32]>]) -> Result<(), Cycle> {
    if needs.iter().all(|needs| needs.is_empty()) {
        return Ok(());
    }
    let graph = graph(needs);
    match toposort(&graph, None) {
        Ok(_) => Ok(()),
        Err(_) => Err(Cycle {
            path: shortest_cycle(&graph),
        }),
    }
}

/// For each task the length of the longest path from its start to the end of the job, in the unit of `estimates`
/// (upward rank; Topcuoglu, Hariri, Wu, "HEFT", IEEE TPDS 2002, section 4.1, without communication).
///
/// # Panics
/// When the graph has a cycle.
pub fn upward_ranks(needs: &[Box<[u32]>], estimates: impl Fn(usize) -> u64) -> Vec<u64> {
    let mut ranks: Vec<u64> = (0..needs.len()).map(&estimates).collect();
    if needs.iter().all(|needs| needs.is_empty()) {
        return ranks;
    }
    let graph = graph(needs);
    let order = toposort(&graph, None).expect("checked when the job was accepted");
    // An edge leads from a task to one that it needs, so the order has every task before what it needs.
    for node in order {
        let rank = ranks[node.index()];
        for edge in graph.edges(node) {
            let needed = edge.target().index();
            ranks[needed] = ranks[needed].max(estimates(needed).saturating_add(rank));
        }
    }
    ranks
}

fn graph(needs: &[Box<[u32]>]) -> DiGraph<(), (), u32> {
    let edges = needs.iter().map(|needs| needs.len()).sum();
    let mut graph = DiGraph::with_capacity(needs.len(), edges);
    for _ in needs {
        graph.add_node(());
    }
    for (task, needs) in needs.iter().enumerate() {
        for needed in needs {
            graph.add_edge(NodeIndex::new(task), NodeIndex::new(*needed as usize), ());
        }
    }
    graph
}

/// A short cycle is easier to mend than a long one: breadth first from the first task of the smallest knot.
fn shortest_cycle(graph: &DiGraph<(), (), u32>) -> Vec<u32> {
    let start = kosaraju_scc(graph)
        .into_iter()
        .filter(|knot| knot.len() > 1 || graph.contains_edge(knot[0], knot[0]))
        .min_by_key(Vec::len)
        .and_then(|knot| knot.into_iter().min())
        .expect("a graph without order has a knot");
    let mut came_from: Vec<Option<NodeIndex>> = vec![None; graph.node_count()];
    let mut line = std::collections::VecDeque::from([start]);
    while let Some(node) = line.pop_front() {
        for next in graph.neighbors(node) {
            if next == start {
                return path_to(node, start, &came_from);
            }
            if came_from[next.index()].is_none() {
                came_from[next.index()] = Some(node);
                line.push_back(next);
            }
        }
    }
    unreachable!("the knot leads back to its first task")
}

fn path_to(end: NodeIndex, start: NodeIndex, came_from: &[Option<NodeIndex>]) -> Vec<u32> {
    let mut path = vec![end.index() as u32];
    let mut node = end;
    while node != start {
        node = came_from[node.index()].expect("reached from the start");
        path.push(node.index() as u32);
    }
    path.reverse();
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(lists: &[&[u32]]) -> Vec<Box<[u32]>> {
        lists.iter().map(|list| Box::from(*list)).collect()
    }

    #[test]
    fn a_diamond_has_no_cycle() {
        assert_eq!(check(&needs(&[&[], &[0], &[0], &[1, 2]])), Ok(()));
    }

    #[test]
    fn the_shortest_way_round_is_named() {
        let cycle = check(&needs(&[&[1], &[2], &[0, 1]])).unwrap_err();
        assert_eq!(cycle.path, [0, 1, 2]);
        let own = check(&needs(&[&[], &[1]])).unwrap_err();
        assert_eq!(own.path, [1]);
    }

    #[test]
    fn ranks_follow_the_longest_path() {
        let ranks = upward_ranks(&needs(&[&[], &[0], &[0], &[1, 2]]), |task| {
            [1, 10, 100, 1000][task]
        });
        assert_eq!(ranks, [1101, 1010, 1100, 1000]);
    }
}
