//! What a person is told of constraints and resources that are wrong.

use super::*;

/// In a task whose constraints are these.
fn told_of_constraints(fields: &str) -> Vec<String> {
    told_of_task(&format!(
        "{{simulate: {{seconds: 1}}, constraints: {{{fields}}}}}"
    ))
}

#[test]
fn expressions_are_marked_where_they_are_wrong() {
    let cases: [(&str, &[&str]); 7] = [
        (
            "require: class == @quantum",
            &[
                "here: task `a`, `constraints.require`: at character 10: unknown class `quantum`; the classes are edge, \
               cloud and gpu",
            ],
        ),
        (
            "require: \"class == @quantum\"",
            &[
                "here: task `a`, `constraints.require`: at character 10: unknown class `quantum`; the classes are edge, \
               cloud and gpu",
            ],
        ),
        (
            "require: 'region @= eu'",
            &["here: task `a`, `constraints.require`: at character 8: expected `==`"],
        ),
        (
            "prefer: [{expression: region}, {expression: (region@, weight: 1}]",
            &["here: task `a`, `constraints.prefer[1].expression`: at character 8: expected `)`"],
        ),
        // What the file shows otherwise than it is read is marked as a whole.
        (
            "require: @\"class == \\u0071uantum\"",
            &[
                "here: task `a`, `constraints.require`: at character 10: unknown class `quantum`; the classes are edge, \
               cloud and gpu",
            ],
        ),
        (
            "require: @[class]",
            &["here: expected a text, found a list"],
        ),
        (
            "requires: region",
            &[
                "f:3:45: unknown field `requires`",
                "  = did you mean `require`? The fields here are require, prefer, max_latency, avoid",
            ],
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(told_of_constraints(fields), expected, "{fields}");
    }
}

/// Whatever else is wrong, and where that is found.
#[test]
fn expressions_are_read_though_counts_are_wrong() {
    let told_of = |instances: &str| {
        let constraints = "{require: region = eu, prefer: [{expression: (class == gpu}]}";
        told_of_task(&format!(
            "{{simulate: {{seconds: 1}}, constraints: {constraints}, {instances}}}"
        ))
    };
    for (instances, wrong) in [
        ("array: {count: 0}", "array.count"),
        ("gang: {size: 5000}", "gang.size"),
        ("array: {count: -2}", "negative, found -2"),
        ("array: {count: 2}, gang: {size: 2}", "an array or a gang"),
    ] {
        let told = told_of(instances).join("\n");
        for part in [wrong, "expected `==`", "expected `)`"] {
            assert_eq!(told.matches(part).count(), 1, "{instances}: {part}: {told}");
        }
    }
}

#[test]
fn constraints_have_limits() {
    let cases: [(&str, &[&str]); 4] = [
        (
            "prefer: [{expression: region, weight: @0}]",
            &["here: expected a weight from 1 to 100, found \"0\""],
        ),
        (
            "max_latency: @20",
            &["here: `20` has no unit; write 20s for seconds, or use ms, m, h or d"],
        ),
        (
            "max_latency: @900d",
            &[
                "here: task `a`, `constraints.max_latency_ms`: is longer than any latency; leave it out",
            ],
        ),
        (
            "avoid: [n1, @\"\"]",
            &[
                "here: task `a`, `constraints.avoid_nodes[1]`: the name of a node must have 1 to 100 characters",
            ],
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(told_of_constraints(fields), expected, "{fields}");
    }
}

#[test]
fn resources_that_a_site_counts_itself_are_checked() {
    let resources = |fields: &str| {
        told_of_task(&format!(
            "{{simulate: {{seconds: 1}}, resources: {{{fields}}}}}"
        ))
    };
    assert_eq!(
        resources("custom: {license: @0}"),
        ["here: task `a`, `resources.custom[\"license\"]`: must be from 1 to 1,000,000,000,000"]
    );
    assert_eq!(
        resources("custom: {license: @-1}"),
        ["here: expected a whole number of at least 1, found \"-1\""]
    );
    assert_eq!(
        resources("custom: {cpu: @2}"),
        [
            "here: task `a`, `resources.custom[\"cpu\"]`: is counted anyway; say it beside `custom`, not in it"
        ]
    );
    assert_eq!(
        resources("gpu_model: @h200"),
        [
            "here: task `a`, `resources.gpu_model`: needs `gpus` of at least 1, or nothing has this model"
        ]
    );
}
