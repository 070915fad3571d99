//! Arrays and gangs.

use drover_model::{Group, GroupKind, Topology};
use v1::task_spec::Instances;

use super::*;

fn array(name: &str, count: u32, parallel: u32, max_failed: u32) -> v1::TaskSpec {
    v1::TaskSpec {
        instances: Some(Instances::Array(v1::Array {
            count,
            parallel,
            max_failed,
        })),
        ..task(name, &[])
    }
}

fn gang(name: &str, size: u32, topology: v1::Topology) -> v1::TaskSpec {
    v1::TaskSpec {
        instances: Some(Instances::Gang(v1::Gang {
            size,
            topology: topology.into(),
        })),
        ..task(name, &[])
    }
}

fn needing(mut task: v1::TaskSpec, needs: &[&str]) -> v1::TaskSpec {
    task.needs = needs.iter().map(ToString::to_string).collect();
    task
}

#[test]
fn instances_stand_before_the_task_that_stands_for_them() {
    let spec = job(vec![
        task("last", &["ring"]),
        needing(gang("ring", 2, v1::Topology::Ring), &["many"]),
        array("many", 3, 2, 1),
    ]);
    let compiled = accepted(&spec).spec;
    let needs: Vec<_> = compiled.tasks.iter().map(|t| &*t.needs).collect();
    let many = [7];
    assert_eq!(
        needs,
        [&[3][..], &many, &many, &[1, 2], &[], &[], &[], &[4, 5, 6]]
    );
    let kinds = [
        GroupKind::Gang {
            topology: Topology::Ring,
        },
        GroupKind::Array {
            parallel: 2,
            max_failed: 1,
        },
    ];
    let groups = [(1, 2), (4, 3)].iter().zip(kinds);
    let groups: Vec<Group> = groups
        .map(|(&(first, count), kind)| Group { first, count, kind })
        .collect();
    assert_eq!(compiled.groups, groups);
    for (place, task) in compiled.tasks.iter().enumerate() {
        assert_eq!(task.step.is_none(), [3, 7].contains(&place), "{place}");
    }
}

#[test]
fn instances_share_what_they_run() {
    let mut many = array("many", 3, 0, 0);
    many.preemptible = true;
    many.undo = Some(v1::UndoStep {
        run: Some(v1::undo_step::Run::Command(command(&[b"undo"]))),
        ..Default::default()
    });
    let compiled = accepted(&with(many)).spec;
    let steps = compiled.tasks[..3].iter().map(|task| task.step.as_ref());
    let steps: Vec<&StepSpec> = steps.map(|step| step.expect("a step")).collect();
    assert!(steps.iter().all(|step| *step == steps[0]));
    assert_eq!(steps[0].payload.as_ptr(), steps[2].payload.as_ptr());
    assert!(steps[0].preemptible);
    let undo = |place: usize| compiled.tasks[place].undo.as_ref();
    assert!(undo(0).is_some_and(|undo| !undo.preemptible) && undo(0) == undo(2));
    assert_eq!(undo(3), None);
    let GroupKind::Array { parallel, .. } = compiled.groups[0].kind else {
        panic!("an array");
    };
    assert_eq!(parallel, u32::MAX);
}

#[test]
fn what_is_stored_stays_short_and_is_expanded_again() {
    let compiled = accepted(&with(array("many", 10_000, 0, 0)));
    assert!(compiled.stored_spec.len() < 100);
    let again = compile_stored(&compiled.stored_spec).unwrap();
    assert_eq!(again.spec, compiled.spec);
    assert_eq!(again.spec.tasks.len(), 10_001);
}

#[test]
fn numbers_of_instances_are_checked() {
    assert_only(
        &with(array("a", 0, 0, 0)),
        "tasks[0].array.count",
        "from 1 to 100000, not 0",
    );
    assert_only(
        &with(array("a", 100_001, 0, 0)),
        "tasks[0].array.count",
        "not 100001",
    );
    assert!(compile(&with(array("a", 100_000, 0, 99_999)), &Limits::default()).is_ok());
    assert_only(
        &with(array("a", 3, 0, 3)),
        "tasks[0].array.max_failed",
        "less than the 3 instances",
    );
    assert_only(
        &with(gang("a", 0, v1::Topology::Any)),
        "tasks[0].gang.size",
        "from 1 to 1000",
    );
    assert_only(
        &with(gang("a", 1_001, v1::Topology::Any)),
        "tasks[0].gang.size",
        "not 1001",
    );
    let mut odd = gang("a", 2, v1::Topology::Any);
    odd.instances = Some(Instances::Gang(v1::Gang {
        size: 2,
        topology: 9,
    }));
    assert_only(&with(odd), "tasks[0].gang.topology", "9 is not a known");
    let much = [array("a", 60_000, 0, 0), array("b", 40_001, 0, 0)];
    assert_only(&job(much.to_vec()), "tasks", "100001 tasks with all their");
}

#[test]
fn no_task_is_named_like_an_instance() {
    let named = |name: &str| job(vec![array("a", 3, 0, 0), task(name, &[])]);
    assert_only(&named("a[2]"), "tasks[1].name", "an instance of tasks[0]");
    for name in ["a[3]", "a[02]", "a[]", "b[0]", "a[-1]", "a[1"] {
        accepted(&named(name));
    }
    assert_only(
        &job(vec![array("a", 3, 0, 0), task("b", &["a[1]"])]),
        "tasks[1].needs[0]",
        "did you mean `a`?",
    );
}

#[test]
fn a_group_may_come_last() {
    let mut last = array("last", 2, 0, 0);
    last.finally = true;
    let compiled = accepted(&job(vec![task("a", &[]), last])).spec;
    let finally: Vec<bool> = compiled.tasks.iter().map(|task| task.finally).collect();
    assert_eq!(finally, [false, true, true, true]);
}

#[test]
fn names_lead_to_places_and_back() {
    let spec = job(vec![
        task("a", &[]),
        array("many", 3, 0, 0),
        gang("ring", 2, v1::Topology::Ring),
        task("many[7]", &[]),
    ]);
    let places = Places::of(&spec.tasks);
    let names: Vec<String> = places.iter().map(|place| place.name()).collect();
    assert_eq!(
        names,
        [
            "a", "many[0]", "many[1]", "many[2]", "many", "ring[0]", "ring[1]", "ring", "many[7]"
        ]
    );
    for (place, name) in (0..).zip(&names) {
        assert_eq!(places.find(name), Some(place), "{name}");
        let found = places.get(place).expect("a place");
        assert_eq!(found.name(), *name);
        // Its undo step.
        let undo = places.get(place + places.count()).expect("a place");
        assert_eq!(undo.name(), *name);
    }
    for name in ["many[3]", "a[0]", "ring[01]", "b", ""] {
        assert_eq!(places.find(name), None, "{name}");
    }
    assert_eq!(places.instances_of(4), Some(1..4));
    assert_eq!(places.instances_of(1), None);
    assert!(Places::of(&[]).get(0).is_none());
}

#[test]
fn preemption_is_for_the_queue_to_say() {
    let mut spec = job(vec![task("a", &[])]);
    assert!(!accepted(&spec).spec.may_preempt);
    let defaults = v1::QueueDefaults {
        preemption: true,
        ..Default::default()
    };
    apply_queue_defaults(&mut spec, &defaults);
    let compiled = accepted(&spec);
    assert!(compiled.spec.may_preempt);
    let again = compile_stored(&compiled.stored_spec).unwrap();
    assert!(again.spec.may_preempt);
    let problems = check_asked(&spec).expect_err("not for a user to say");
    assert_eq!(problems[0].field, "may_preempt");
    assert!(check_asked(&job(vec![task("a", &[])])).is_ok());
}
