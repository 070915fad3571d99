//! `sessions`: rigid parallel jobs of users who submit the same again and again, on a machine that is drawn anew for every
//! trace.
//!
//! It has what logs of parallel machines have in common (D. Feitelson, "Workload Modeling for Computer Systems Performance
//! Evaluation", 2015, chapters 6, 8 and 9): sessions of like jobs, requests that are round numbers far above the run time, jobs
//! that crash early, days and nights, sizes that are powers of two. How much of each differs from trace to trace, as it does
//! from log to log.

use std::sync::Arc;

use drover_model::{Priority, Resources};
use rand_distr::{Exp1, LogNormal};

use super::{
    family::Parameters,
    intensity::{Intensity, Piece, submit_after, unnamed},
    nodes::equal_nodes,
    streams::Streams,
    task,
    users::log_normal,
};
use crate::{
    random::Random,
    trace::{Trace, TraceJob},
};

const PROCESSORS: [u32; 4] = [64, 128, 256, 512];

/// Between jobs of a session, by the gap between sessions.
const WITHIN_SESSION: f64 = 0.05;

/// What users ask for, in minutes.
const REQUESTS_MIN: [u64; 12] = [5, 10, 15, 30, 60, 120, 240, 480, 720, 1_080, 1_440, 2_160];

const HOUR_MS: f64 = 3_600_000.0;
const LEAST_RUN_MS: f64 = 1_000.0;

/// What is drawn once for a trace.
struct Site {
    processors: u32,
    serial_permille: u64,
    power_of_two_permille: u64,
    /// Of the applications' middle run times.
    medians: LogNormal<f64>,
    /// Among runs of one, of the logarithm of the run time.
    within: f64,
    /// Users ask for the run time itself, as in logs that have no requests.
    knows_run_times: bool,
    /// From 1 to so many times the middle run time is asked for, before rounding up.
    most_overestimate: f64,
    crash_permille: u64,
    jobs_by_session: f64,
    /// Rate of arrivals in a night by that of a day.
    night: f64,
}

/// What a user runs again and again.
struct Application {
    owner: Arc<str>,
    signature: u64,
    processors: u32,
    runs: LogNormal<f64>,
    request_ms: u64,
}

pub(super) fn build(parameters: &Parameters, mut streams: Streams) -> Trace {
    let site = Site::draw(&mut streams.work);
    let users = streams.owners.between(10, 40);
    let applications: Vec<Application> = (0..users * 3)
        .map(|number| site.application(number, users, &mut streams))
        .collect();
    let mut jobs = Vec::new();
    let mut begins_session = Vec::new();
    while jobs.len() < parameters.jobs as usize {
        let application = streams.owners.pick(&applications);
        let exponential: f64 = streams.owners.sample(&Exp1);
        let count = 1 + (site.jobs_by_session * exponential) as usize;
        for place in 0..count.min(parameters.jobs as usize - jobs.len()) {
            jobs.push(site.job(application, &mut streams));
            begins_session.push(place == 0);
        }
    }
    let mut trace = unnamed(equal_nodes(1, site.processors), jobs);
    let span_ms = trace.busy_ms() / parameters.load;
    let mut begins = begins_session.into_iter().skip(1);
    let gap = || {
        let gap: f64 = streams.arrivals.sample(&Exp1);
        match begins.next() {
            Some(false) => gap * WITHIN_SESSION,
            _ => gap,
        }
    };
    submit_after(&mut trace, Some(span_ms), &site.day(), gap);
    trace
}

impl Site {
    fn draw(random: &mut Random) -> Self {
        let median_ms = random
            .real(LEAST_RUN_MS.ln() + 4.5, (2.0 * HOUR_MS).ln())
            .exp();
        Self {
            processors: *random.pick(&PROCESSORS),
            serial_permille: random.below(400),
            power_of_two_permille: random.between(500, 1_000),
            medians: log_normal(median_ms, random.real(0.8, 1.8)),
            within: random.real(0.2, 1.2),
            knows_run_times: random.chance(300),
            most_overestimate: random.real(1.5, 10.0),
            crash_permille: random.below(250),
            jobs_by_session: random.real(0.0, 12.0),
            night: random.real(0.15, 1.0),
        }
    }

    fn application(&self, number: u64, users: u64, streams: &mut Streams) -> Application {
        let random = &mut streams.work;
        let median_ms = random.sample(&self.medians).max(LEAST_RUN_MS);
        let factor = streams.estimates.real(1.0, self.most_overestimate);
        Application {
            owner: format!("user-{:02}", number % users).into(),
            signature: number + 1,
            processors: self.width(random),
            runs: log_normal(median_ms, self.within),
            request_ms: rounded_up(median_ms * factor),
        }
    }

    /// Uniform in its logarithm, as often below an eighth of the machine as Lublin and Feitelson found it.
    fn width(&self, random: &mut Random) -> u32 {
        if random.chance(self.serial_permille) {
            return 1;
        }
        let most = f64::from(self.processors).log2();
        let mut log = match random.chance(860) {
            true => random.real(0.8, most - 2.5),
            false => random.real(most - 2.5, most),
        };
        if random.chance(self.power_of_two_permille) {
            log = log.round();
        }
        (log.exp2().round() as u32).clamp(1, self.processors)
    }

    /// Not yet submitted. What runs longer than was asked for is killed then.
    fn job(&self, application: &Application, streams: &mut Streams) -> TraceJob {
        let random = &mut streams.work;
        let most_ms = application.request_ms as f64;
        let mut run_ms = random.sample(&application.runs).min(most_ms);
        if random.chance(self.crash_permille) {
            run_ms *= random.real(-7.0, -2.0).exp();
        }
        let run_ms = run_ms.max(LEAST_RUN_MS).round() as u64;
        let stated_ms = match self.knows_run_times {
            true => run_ms,
            false => application.request_ms,
        };
        let width = Resources {
            cpu_millis: u64::from(application.processors) * 1_000,
            ..Resources::ZERO
        };
        TraceJob {
            submitted_ms: 0,
            name: "job".into(),
            owner: Arc::clone(&application.owner),
            queue: "default".into(),
            priority: Priority::NORMAL,
            deadline_ms: None,
            tasks: vec![task::single(
                application.signature,
                width,
                run_ms,
                Some(stated_ms),
            )],
            recorded: None,
        }
    }

    fn day(&self) -> Intensity {
        let piece = |hours, rate| Piece {
            length_ms: hours * HOUR_MS,
            rate,
        };
        Intensity::new(vec![piece(14.0, 1.0), piece(10.0, self.night)])
    }
}

/// To what people ask for.
fn rounded_up(ms: f64) -> u64 {
    let requests = REQUESTS_MIN.map(|minutes| minutes * 60_000);
    let enough = requests.into_iter().find(|request| *request as f64 >= ms);
    enough.unwrap_or(requests[requests.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::find;

    fn generate(seed: u64) -> Trace {
        let parameters = Parameters {
            load: 1.0,
            jobs: 1_000,
            seed,
        };
        find("sessions").unwrap().generate(&parameters).unwrap()
    }

    #[test]
    fn users_ask_for_round_times_and_submit_the_same_again() {
        let traces: Vec<Trace> = (0..12).map(generate).collect();
        let mut machines: Vec<u64> = Vec::new();
        let mut followed = 0;
        for trace in &traces {
            machines.push(trace.nodes[0].capacity.cpu_millis);
            for pair in trace.jobs.windows(2) {
                let [task, next] = [&pair[0].tasks[0], &pair[1].tasks[0]];
                let (run_ms, stated_ms) = (task.runs.ms(0), task.stated_ms.unwrap());
                assert!(run_ms <= stated_ms.max(1_000), "{run_ms} of {stated_ms}");
                assert!(stated_ms == run_ms || stated_ms.is_multiple_of(60_000));
                followed += u32::from(task.signature == next.signature);
            }
        }
        machines.sort_unstable();
        machines.dedup();
        assert!(machines.len() > 1, "{machines:?}");
        // By chance one in thirty or more would be.
        assert!(followed > 4_000, "{followed} of 12000 are like the next");
    }

    #[test]
    fn requests_are_rounded_up() {
        assert_eq!(rounded_up(1.0), 300_000);
        assert_eq!(rounded_up(300_001.0), 600_000);
        assert_eq!(rounded_up(1e12), 2_160 * 60_000);
    }
}
