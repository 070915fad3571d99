use crate::{
    data,
    redecide::{self, Dispatch, Rule, Ties},
};
use drover_model::{dispatch::Mode, policy};
use drover_sim::{
    simulate::{Options, simulate},
    trace::{
        Windows,
        swf::{self, Origin, SwfOptions},
    },
};
#[test]
fn tmp_compare() {
    let content = data::bytes("swf/lublin_256.swf").unwrap();
    let log = swf::parse(&content, SwfOptions::default()).unwrap();
    let w = Windows::published();
    let traces = log.windows("l", &w, Origin::Log).unwrap();
    for (first, trace) in w.starts.iter().zip(&traces) {
        let jobs = &log.jobs[*first..first + w.length];
        let want = redecide::starts(
            jobs,
            log.processors,
            Rule::Sjf,
            Dispatch::Easy(Rule::Fcfs),
            Ties::ByLog,
        );
        let options = Options {
            backfill: Some(policy::find("fifo").unwrap()),
            ..Options::new(policy::find("sjf").unwrap(), Mode::Easy)
        };
        let got = simulate(trace, &options).unwrap();
        let mut d: Vec<(u64, usize, u64, u64)> = Vec::new();
        for (i, (a, j)) in want.iter().zip(&got.jobs).enumerate() {
            let b = j.first_start_ms.unwrap();
            if *a != b {
                d.push(((*a).min(b), i, *a, b));
            }
        }
        d.sort();
        eprintln!("window {first}: {} differ", d.len());
        for (t, i, a, b) in d.iter().take(3) {
            let j = &jobs[*i];
            eprintln!(
                "  t={t} job {i} sub {} run {} n {} ref {a} got {b}",
                j.submitted_ms, j.run_ms, j.processors
            );
            let t = *t;
            let running: Vec<_> = (0..jobs.len())
                .filter(|k| want[*k] <= t && want[*k] + jobs[*k].run_ms > t && *k != *i)
                .map(|k| (k, want[k], want[k] + jobs[k].run_ms, jobs[k].processors))
                .collect();
            let used: u32 = running.iter().map(|r| r.3).sum();
            eprintln!("    used {used}; running {running:?}");
            let mut q: Vec<_> = (0..jobs.len())
                .filter(|k| jobs[*k].submitted_ms <= t && want[*k] >= t)
                .map(|k| {
                    (
                        jobs[k].run_ms,
                        k,
                        jobs[k].processors,
                        want[k],
                        got.jobs[k].first_start_ms.unwrap(),
                    )
                })
                .collect();
            q.sort();
            eprintln!("    queue {:?}", &q[..q.len().min(12)]);
        }
    }
}
