use drover_sim::workload::{
    equal_nodes,
    generator::{Arrivals, Generator},
};

use super::*;

fn trace(jobs: u32) -> Trace {
    let generator = Generator {
        jobs,
        processors: 1..=2,
        seconds: 1..=2,
        arrivals: Arrivals::PerSecond(2.0),
        slack: Some(1_000.0),
        seed: 7,
    };
    generator
        .generate(equal_nodes(2, 2))
        .expect("it makes sense")
}

fn options() -> ExecuteOptions<'static> {
    ExecuteOptions {
        address: None,
        policy: "fifo",
        mode: Mode::Easy,
        time_scale: 0.05,
        only_wait: true,
    }
}

#[tokio::test]
async fn what_cannot_be_executed_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for time_scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let wrong = ExecuteOptions {
            time_scale,
            ..options()
        };
        let refused = execute(&trace(1), &wrong, folder.path()).await;
        assert!(matches!(refused, Err(ExecuteError::TimeScale(_))));
    }
    let mut dag = trace(2);
    let task = dag.jobs[1].tasks[0].clone();
    dag.jobs[1].tasks.push(task);
    let refused = execute(&dag, &options(), folder.path()).await;
    let message = refused.expect_err("it has two tasks").to_string();
    assert!(
        message.contains("job 1 of") && message.contains("--generate-jobs"),
        "{message}"
    );
    let unknown = ExecuteOptions {
        policy: "fastest",
        ..options()
    };
    let refused = execute(&trace(1), &unknown, folder.path()).await;
    assert!(matches!(refused, Err(ExecuteError::Policy(_))));
}
