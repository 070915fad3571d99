//! Where a task may run, and what it needs there.

use drover_model::{Constraints, Resource};

use super::*;

fn constrained(constraints: v1::Constraints) -> v1::JobSpec {
    with(v1::TaskSpec {
        constraints: Some(constraints),
        ..task("a", &[])
    })
}

fn requiring(text: &str) -> v1::JobSpec {
    constrained(v1::Constraints {
        require: text.to_owned(),
        ..Default::default()
    })
}

fn preferring(expression: &str, weight: u32) -> v1::Preference {
    v1::Preference {
        expression: expression.to_owned(),
        weight,
    }
}

fn asking(resources: v1::Resources) -> v1::JobSpec {
    with(v1::TaskSpec {
        resources: Some(resources),
        ..task("a", &[])
    })
}

#[test]
fn constraints_are_compiled() {
    let mut spec = constrained(v1::Constraints {
        require: "class==gpu&&label.disk in (ssd,nvme)".to_owned(),
        prefer: vec![preferring("region == eu", 0), preferring("!label.spot", 7)],
        max_latency_ms: Some(0),
        avoid_nodes: vec!["n2".to_owned(), "n1".to_owned(), "n2".to_owned()],
    });
    spec.tasks[0].resources = Some(v1::Resources {
        gpus: 1,
        gpu_model: "h200".to_owned(),
        ..Default::default()
    });
    let constraints = step(&accepted(&spec)).constraints;
    assert_eq!(
        constraints.required.as_ref().unwrap().to_string(),
        "(class == gpu) && (label.disk in (nvme, ssd))"
    );
    let preferred: Vec<_> = constraints
        .preferred
        .iter()
        .map(|one| (one.expression.to_string(), one.weight))
        .collect();
    assert_eq!(
        preferred,
        [("region == eu".into(), 50), ("!label.spot".into(), 7)]
    );
    assert_eq!(constraints.max_latency_ms, Some(0));
    assert_eq!(*constraints.avoid, ["n1".into(), "n2".into()]);
    assert_eq!(constraints.gpu_model.as_deref(), Some("h200"));
}

#[test]
fn a_task_without_constraints_shares_those_of_all_such_tasks() {
    for spec in [
        job(vec![task("a", &[])]),
        constrained(v1::Constraints::default()),
    ] {
        let constraints = step(&accepted(&spec)).constraints;
        assert!(std::sync::Arc::ptr_eq(&constraints, &Constraints::none()));
    }
}

#[test]
fn wrong_expressions_are_refused_with_their_place() {
    assert_only(
        &requiring("class == gpu &&"),
        "tasks[0].constraints.require",
        "at character 16: expected",
    );
    assert_only(
        &requiring("class == quantum"),
        "tasks[0].constraints.require",
        "at character 10: unknown class `quantum`; the classes are edge, cloud and gpu",
    );
    let prefer = constrained(v1::Constraints {
        prefer: vec![preferring("region", 1), preferring("zone == a", 1)],
        ..Default::default()
    });
    assert_only(
        &prefer,
        "tasks[0].constraints.prefer[1].expression",
        "at character 1: expected",
    );
}

#[test]
fn constraints_have_limits() {
    let heavy = constrained(v1::Constraints {
        prefer: vec![preferring("region", 101)],
        ..Default::default()
    });
    let field = "tasks[0].constraints.prefer[0].weight";
    assert_only(&heavy, field, "must be from 1 to 100, not 101");
    let choosy = constrained(v1::Constraints {
        prefer: vec![preferring("region", 1); 17],
        ..Default::default()
    });
    assert_only(&choosy, "tasks[0].constraints.prefer", "the limit is 16");
    let avoiding = |nodes| {
        constrained(v1::Constraints {
            avoid_nodes: nodes,
            ..Default::default()
        })
    };
    let field = "tasks[0].constraints.avoid_nodes";
    assert_only(
        &avoiding(vec!["n".to_owned(); 65]),
        field,
        "the limit is 64",
    );
    let field = "tasks[0].constraints.avoid_nodes[1]";
    let nameless = avoiding(vec!["n".to_owned(), String::new()]);
    assert_only(&nameless, field, "the name of a node must have 1 to 100");
}

#[test]
fn groups_that_keep_apart_are_numbered_within_the_job() {
    let apart = |name: &str, group: &str| v1::TaskSpec {
        anti_affinity: group.to_owned(),
        ..task(name, &[])
    };
    let spec = job(vec![
        apart("a", "db"),
        apart("b", ""),
        apart("c", "web"),
        apart("d", "db"),
    ]);
    let numbers: Vec<_> = accepted(&spec)
        .spec
        .tasks
        .iter()
        .map(|task| task.step.as_ref().unwrap().apart)
        .collect();
    assert_eq!(numbers, [Some(0), None, Some(1), Some(0)]);
    let wrong = job(vec![apart("a", "d\0b")]);
    assert_only(&wrong, "tasks[0].anti_affinity", "holds a NUL byte");
}

#[test]
fn custom_resources_are_asked_for_by_name() {
    let custom = |name: &str, amount| v1::Resources {
        custom: BTreeMap::from([(name.to_owned(), amount)]),
        ..Default::default()
    };
    let resources = step(&accepted(&asking(custom("license", 2)))).resources;
    assert_eq!(resources.get(&Resource::Named("license".into())), 2);
    for (name, amount, words) in [
        ("license", 0, "must be from 1 to 1,000,000,000,000"),
        ("two words", 1, "1 to 63 letters"),
        ("cpu", 1, "is counted anyway"),
    ] {
        let field = format!("tasks[0].resources.custom[{name:?}]");
        assert_only(&asking(custom(name, amount)), &field, words);
    }
    let many = v1::Resources {
        custom: (0..17).map(|number| (format!("r{number}"), 1)).collect(),
        ..Default::default()
    };
    assert_only(&asking(many), "tasks[0].resources.custom", "limit is 16");
}

#[test]
fn a_gpu_model_needs_a_gpu() {
    let spec = asking(v1::Resources {
        gpu_model: "h200".to_owned(),
        ..Default::default()
    });
    let field = "tasks[0].resources.gpu_model";
    assert_only(&spec, field, "needs `gpus` of at least 1");
}

#[test]
fn an_undo_step_runs_where_its_task_may() {
    let mut spec = requiring("region == eu");
    spec.tasks[0].anti_affinity = "db".to_owned();
    spec.tasks[0].resources = Some(v1::Resources {
        gpus: 1,
        gpu_model: "h200".to_owned(),
        ..Default::default()
    });
    spec.tasks[0].undo = Some(v1::UndoStep {
        run: Some(v1::undo_step::Run::Simulate(v1::Simulate::default())),
        ..Default::default()
    });
    let undo = |spec: &v1::JobSpec| accepted(spec).spec.tasks[0].undo.clone().unwrap();
    let done = step(&accepted(&spec));
    assert_eq!(undo(&spec).constraints, done.constraints);
    assert_eq!(undo(&spec).apart, Some(0));
    // Without gpus of its own there is no model to ask for.
    spec.tasks[0].undo.as_mut().unwrap().resources = Some(v1::Resources::default());
    let own = undo(&spec).constraints;
    assert_eq!(
        (&own.required, &own.gpu_model),
        (&done.constraints.required, &None)
    );
}

#[test]
fn equal_work_has_equal_signatures() {
    let run = |argv: &[&'static [u8]], name: &str, queue: &str, env: &'static [u8]| {
        let command = v1::Command {
            env: BTreeMap::from([("A".to_owned(), Bytes::from_static(env))]),
            ..command(argv)
        };
        let mut spec = running(v1::task_spec::Run::Command(command));
        spec.tasks[0].name = name.to_owned();
        spec.queue = queue.to_owned();
        step(&accepted(&spec)).expected
    };
    let usual = run(&[b"sort", b"x"], "a", "q", b"1");
    assert_eq!(usual, run(&[b"sort", b"x"], "a", "q", b"2"));
    for (other, same_queue) in [
        (run(&[b"sortx"], "a", "q", b"1"), true),
        (run(&[b"sort", b"x"], "b", "q", b"1"), true),
        (run(&[b"sort", b"x"], "a", "r", b"1"), false),
    ] {
        assert_ne!(usual.signature, other.signature);
        assert_eq!(usual.wide_signature == other.wide_signature, same_queue);
    }
}
