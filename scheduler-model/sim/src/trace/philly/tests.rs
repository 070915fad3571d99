use super::*;
use crate::trace::Runs;

const LOG: &str = "\
job_id,user,num_gpu,submit_time,iterations,model_name,duration,interval,expect_time_list,expect_value_list,best_effort,job_type
0,ann,4,2000,1,vgg16,30,8,45,10,0,strict
1,bob,0,10,1,vgg16,20,8,40-60-80,10-5-1,0,soft
2,ann,1,12,1,alexnet,25,8,12,10,1,best
";

fn refusal(text: &str) -> String {
    parse(text.as_bytes(), false).unwrap_err().to_string()
}

#[test]
fn classes_have_their_deadlines() {
    let trace = parse(LOG.as_bytes(), false)
        .unwrap()
        .trace("log", 8, None)
        .unwrap();
    let rows: Vec<_> = trace
        .jobs
        .iter()
        .map(|job| (&*job.name, &*job.queue, job.submitted_ms, job.deadline_ms))
        .collect();
    assert_eq!(
        rows,
        [
            ("1", "soft", 600_000, Some(2_400_000)),
            ("2", "best", 720_000, None),
            ("0", "strict", 120_000_000, Some(2_700_000)),
        ]
    );
    let gpus: Vec<u32> = trace
        .jobs
        .iter()
        .map(|job| job.tasks[0].resources.gpus)
        .collect();
    assert_eq!(gpus, [1, 1, 4], "0 counts as 1");
    assert!(trace.jobs[2].priority > trace.jobs[0].priority);
    assert_eq!(trace.jobs[2].tasks[0].runs, Runs::One(1_800_000));
    assert_eq!(trace.nodes[0].capacity.gpus, 8);
}

#[test]
fn days_choose_by_submission() {
    let log = parse(LOG.as_bytes(), false).unwrap();
    let second = log.trace("log", 8, Some(&(2..=2))).unwrap();
    assert_eq!(second.jobs.len(), 1);
    assert_eq!(log.trace("log", 8, Some(&(1..=1))).unwrap().jobs.len(), 2);
    assert!(log.trace("log", 8, Some(&(3..=9))).is_err());
    assert!(log.trace("log", 3, None).is_err(), "a job needs 4");
}

#[test]
fn bad_lines_say_where_and_what() {
    let soft = LOG.replace("40-60-80", "40--80");
    assert!(refusal(&soft).starts_with("line 3, column 9: expected deadlines in minutes"));
    let negative = LOG.replace("vgg16,30,", "vgg16,-30,");
    assert_eq!(
        refusal(&negative),
        "line 2, column 7: expected a duration in minutes, found \"-30\""
    );
    let class = LOG.replace(",strict", ",stricter");
    assert!(refusal(&class).contains("line 2, column 12: expected a class"));
    let torn = LOG.replace(",vgg16,30,8,45,10,0,strict", "");
    assert!(
        refusal(&torn).contains("line 2, column 12"),
        "{}",
        refusal(&torn)
    );
    let columns = LOG.replace("job_type", "kind");
    assert!(refusal(&columns).contains("expected job_type"));
    assert!(refusal("").contains("no job"));
    let lenient = parse(negative.as_bytes(), true).unwrap();
    assert_eq!((lenient.jobs.len(), lenient.skipped.total()), (2, 1));
}
