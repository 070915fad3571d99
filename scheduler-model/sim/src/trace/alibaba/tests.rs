use super::*;

const TRACE: &str = "\
100,j_1,R2_1,20,50.0,0.39,3
100,j_1,M1,10,100.0,0.3,1
101,j_1,J3_1_2,5,200.0,0.3,1
100,j_1,task_Nz==,7,5.0,0.1,1
50,j_2,M1,0,100.0,0.3,1
";

fn read(text: &str) -> Result<(Trace, Skipped), ParseTraceError> {
    parse(text.as_bytes(), "trace", AlibabaOptions::default())
}

#[test]
fn names_become_a_graph() {
    let (trace, _) = read(TRACE).unwrap();
    let [early, job] = &trace.jobs[..] else {
        panic!("{trace:?}")
    };
    assert_eq!((&*early.name, early.submitted_ms), ("j_2", 50_000));
    assert_eq!(early.ideal_ms(), 1, "less than a second, but not nothing");
    assert_eq!((&*job.name, job.submitted_ms), ("j_1", 100_000));
    let needs: Vec<&[u32]> = job.tasks.iter().map(|task| &*task.needs).collect();
    assert_eq!(needs, [&[][..], &[0], &[0, 1], &[]]);
    assert_eq!(job.ideal_ms(), 35_000);
    assert_eq!(job.instances(), 6);
    let wide = &job.tasks[1];
    assert_eq!((wide.wide, wide.resources.cpu_millis), (Wide::Array, 500));
    assert_eq!(job.tasks[3].resources.cpu_millis, 50);
}

#[test]
fn the_cluster_is_sized_to_the_load() {
    let text: String = (0..100)
        .map(|job| format!("{job},j_{job},M1,99,100.0,0.3,96\n"))
        .collect();
    let nodes = |load| {
        let options = AlibabaOptions {
            load,
            ..AlibabaOptions::default()
        };
        let (trace, _) = parse(text.as_bytes(), "trace", options).unwrap();
        trace.nodes.len()
    };
    // A hundred node-times of 99 s within 99 s.
    assert_eq!(nodes(1.0), 100);
    assert_eq!(nodes(0.5), 200);
    assert_eq!(nodes(1_000.0), 1);
}

#[test]
fn bad_lines_say_where_and_what() {
    let cases = [
        (
            "1,j,M1,5,100",
            "line 1, column 7: expected a number of instances",
        ),
        (
            "1,j,M1,-5,100,0,1",
            "column 4: expected a duration in seconds, at least 0, found \"-5\"",
        ),
        ("1,j,M1,5,NaN,0,1", "column 5: expected cpu above 0"),
        ("1,j,M1,5,9700,0,1", "column 5: expected cpu above 0"),
        (
            "1,j,M1,5,100,0,0",
            "column 7: expected a number of instances",
        ),
        ("1,,M1,5,100,0,1", "column 2: expected the name of a job"),
        (
            "1,j,M1_2,5,100,0,1\n1,j,M2_1,5,100,0,1",
            "line 1, column 3: expected tasks of a job that do not wait",
        ),
        ("", "there is no job in it"),
    ];
    for (text, said) in cases {
        let refusal = read(text).unwrap_err().to_string();
        assert!(refusal.contains(said), "{refusal}");
    }
    let options = AlibabaOptions {
        load: f64::NAN,
        ..AlibabaOptions::default()
    };
    assert!(parse(TRACE.as_bytes(), "trace", options).is_err());
}

#[test]
fn a_lenient_reader_counts_lines_and_circles() {
    let text = format!("{TRACE}1,c,M1_2,5,100,0,1\n1,c,M2_1,5,100,0,1\nx\n");
    let options = AlibabaOptions {
        lenient: true,
        ..AlibabaOptions::default()
    };
    let (trace, skipped) = parse(text.as_bytes(), "trace", options).unwrap();
    assert_eq!(trace.jobs.len(), 2);
    assert_eq!(skipped.total(), 2);
}
