//! How a coordinator is, as users see it.

use std::collections::BTreeMap;

use drover_model::{StatusView, cluster::Counters};

use crate::v1;

/// What the model knows of it. Epoch, address and version are the coordinator's to add.
pub fn status(view: &StatusView) -> v1::Status {
    v1::Status {
        leading: true,
        open_jobs: view.open_jobs,
        queued_tasks: view.queued_tasks,
        active_tasks: view.active_tasks,
        counters: counters(view.counters),
        ..Default::default()
    }
}

fn counters(counters: Counters) -> BTreeMap<String, u64> {
    // Without `..`, so that none is forgotten.
    let Counters {
        stale_reports,
        rejected_placements,
        lost_attempts,
        fenced_attempts,
        timed_out_attempts,
        retries,
        expired_tasks,
        deadline_actions,
        lost_nodes,
        quarantines,
    } = counters;
    [
        ("stale_reports", stale_reports),
        ("rejected_placements", rejected_placements),
        ("lost_attempts", lost_attempts),
        ("fenced_attempts", fenced_attempts),
        ("timed_out_attempts", timed_out_attempts),
        ("retries", retries),
        ("expired_tasks", expired_tasks),
        ("deadline_actions", deadline_actions),
        ("lost_nodes", lost_nodes),
        ("quarantines", quarantines),
    ]
    .map(|(name, count)| (name.to_owned(), count))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_have_their_names() {
        let status = status(&StatusView {
            counters: Counters {
                stale_reports: 7,
                quarantines: 1,
                ..Counters::default()
            },
            open_jobs: 3,
            queued_tasks: 2,
            active_tasks: 1,
        });
        assert_eq!(
            (
                status.counters["stale_reports"],
                status.counters["quarantines"]
            ),
            (7, 1)
        );
        assert_eq!(
            (status.open_jobs, status.queued_tasks, status.active_tasks),
            (3, 2, 1)
        );
    }
}
