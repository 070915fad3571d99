//! Tasks that tell the time for as long as they live, so that a test can see when each attempt ran.

use drover_proto::v1::{OnDisconnect, Resources, TaskSpec};
use drover_tests::{Cluster, script, until};

/// Twenty times a second, in a file of the attempt, until there is a file `stop`.
const BEAT: &str = "until test -e stop; do \
    date +%s%3N >> beats-$DROVER_TASK-$DROVER_ATTEMPT; sleep 0.05; done";

/// It takes one core.
pub(crate) fn beating(name: &str, on_disconnect: OnDisconnect) -> TaskSpec {
    TaskSpec {
        on_disconnect: on_disconnect.into(),
        resources: Some(Resources {
            cpu_millis: 1_000,
            ..Resources::default()
        }),
        ..script(name, BEAT)
    }
}

/// When it lived: whole milliseconds since 1970.
fn beats(cluster: &Cluster, task: &str, attempt: u32) -> Vec<u64> {
    let text = cluster.read(&format!("beats-{task}-{attempt}"));
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    let times = text[..whole].lines();
    times.map(|line| line.parse().expect("a time")).collect()
}

/// Waits until that attempt lives.
pub(crate) async fn beats_now(cluster: &Cluster, task: &str, attempt: u32) {
    until(
        &format!("attempt {attempt} of {task} to live"),
        async || (!beats(cluster, task, attempt).is_empty()).then_some(()),
    )
    .await;
}

/// The first attempt had ended before the second began.
pub(crate) fn never_overlapped(cluster: &Cluster, task: &str) {
    let first = beats(cluster, task, 1);
    let second = beats(cluster, task, 2);
    let (last, begin) = (first[first.len() - 1], second[0]);
    let between = begin.saturating_sub(last);
    eprintln!("{task} had stopped {between} ms before it ran elsewhere");
    assert!(
        last < begin,
        "{task} ran twice at the same time: until {last}, and from {begin}"
    );
}
