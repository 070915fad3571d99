use super::*;
use crate::trace::swf::{SwfOptions, parse};

fn job(submitted_s: f64, run_s: f64, requested_s: f64, processors: u32) -> Job {
    Job {
        submitted_s,
        run_s,
        requested_s,
        processors,
    }
}

#[test]
fn what_was_chosen_once_is_waited_for() {
    let jobs = [
        job(0.0, 100.0, 100.0, 3),
        job(1.0, 50.0, 50.0, 4),
        job(2.0, 5.0, 5.0, 1),
    ];
    // Both are shorter than what runs, and the last one would fit.
    assert_eq!(starts(&jobs, 4, Rule::Sjf, false), [0.0, 100.0, 150.0]);
    assert_eq!(starts(&jobs, 4, Rule::Sjf, true), [0.0, 100.0, 2.0]);
}

#[test]
fn backfill_ends_before_the_shadow_time_by_requested_times() {
    let second = |requested_s| {
        let jobs = [
            job(0.0, 60.0, 100.0, 3),
            job(1.0, 50.0, 50.0, 4),
            job(2.0, 5.0, requested_s, 1),
        ];
        starts(&jobs, 4, Rule::Fcfs, true)[2]
    };
    assert_eq!(second(97.9), 2.0);
    assert_eq!(second(98.0), 110.0, "not strictly before 100");
}

#[test]
fn mistaken_waits_put_long_jobs_first() {
    let early = job(10.0, 5.0, 100.0, 8);
    let late = job(5_000.0, 5.0, 100.0, 8);
    for rule in [Rule::Wfp3, Rule::Unicep] {
        assert!(
            rule.rank(&early) < rule.rank(&late),
            "{rule}: its rank grows with s"
        );
    }
    let long = job(10.0, 5.0, 200.0, 8);
    assert!(Rule::Wfp3.rank(&long) < Rule::Wfp3.rank(&early));
    assert!(Rule::Unicep.rank(&long) < Rule::Unicep.rank(&early));
    assert!(Rule::F1.rank(&job(0.0, 5.0, 0.0, 1))[0].is_finite());
}

#[test]
fn cells_are_means_over_windows() {
    let text = "\
; MaxProcs: 2
1 0  -1 20 2 -1 -1 -1 -1 -1 1 1 1 1 1 -1 -1 -1
2 5  -1 5  1 -1 -1 -1 -1 -1 1 1 1 1 1 -1 -1 -1
3 10 -1 10 2 -1 -1 -1 -1 -1 1 1 1 1 1 -1 -1 -1
";
    let log = parse(text.as_bytes(), SwfOptions::default()).unwrap();
    let windows = Windows {
        length: 2,
        starts: vec![0, 1],
    };
    let cell = cell(&log, &windows, Rule::Fcfs, false).unwrap();
    // First window: 1 and (15 + 5) / 10. Second: 1 and 1.
    assert_eq!(cell.bounded_slowdown, (1.5 + 1.0) / 2.0);
    assert_eq!(cell.utilisation, (45.0 / 40.0 + 25.0 / 10.0) / 2.0);
    assert!(super::cell(&log, &Windows::published(), Rule::Fcfs, false).is_err());
}

#[test]
fn rules_have_names() {
    for rule in Rule::ALL {
        assert_eq!(rule.name().parse(), Ok(rule));
    }
    assert_eq!("fifo".parse(), Ok(Rule::Fcfs));
    assert!(
        "saf"
            .parse::<Rule>()
            .unwrap_err()
            .to_string()
            .contains("unicep")
    );
}
