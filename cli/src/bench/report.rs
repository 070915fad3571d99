//! What was measured, for people and for programs.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use serde::Serialize;

use super::{load::Shape, machine::Yardsticks};
use crate::{
    error::CliError,
    output::{self, Format},
};

/// Result of `drover bench throughput`.
#[derive(Debug, Serialize)]
pub(crate) struct ThroughputReport {
    pub(crate) shape: Shape,
    pub(crate) setting: Setting,
    pub(crate) connections: usize,
    pub(crate) in_flight: usize,
    pub(crate) runs: Vec<ThroughputRun>,
    /// Index of the fastest of `runs`.
    pub(crate) best: usize,
}

/// Where it was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Setting {
    pub(crate) drover_version: &'static str,
    pub(crate) is_release_build: bool,
    pub(crate) cores: usize,
    pub(crate) agents: u32,
    /// Kind, version and what decides about durability.
    pub(crate) store: BTreeMap<String, String>,
    /// Finished tasks that were stored before.
    pub(crate) history: u64,
}

impl Setting {
    pub(crate) fn new(agents: u32, store: Vec<(String, String)>, history: u64) -> Self {
        Self {
            drover_version: env!("CARGO_PKG_VERSION"),
            is_release_build: !cfg!(debug_assertions),
            cores: cores(),
            agents,
            store: store.into_iter().collect(),
            history,
        }
    }

    fn text(&self) -> String {
        let store: Vec<String> = self
            .store
            .iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        let debug = if self.is_release_build {
            ""
        } else {
            ", DEBUG BUILD: the figures mean nothing"
        };
        format!(
            "drover {}{debug}; {} cores, {} agents, coordinator, client: all on this machine\n\
             {}; {} finished tasks stored before\n",
            self.drover_version,
            self.cores,
            self.agents,
            store.join(", "),
            self.history
        )
    }
}

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[derive(Debug, Serialize)]
pub(crate) struct ThroughputRun {
    pub(crate) tasks_per_second: f64,
    /// Acknowledged, and counted as successes in the store.
    pub(crate) tasks: u64,
    /// From the first submit call until the last job was seen to have ended.
    pub(crate) seconds: f64,
    /// From submit call to answer.
    pub(crate) submit: Quantiles,
    /// Calls made again under the same request ids, because the coordinator was busy.
    pub(crate) repeated_calls: u64,
    /// CPU time by process.
    pub(crate) cpu_micros_per_task: BTreeMap<&'static str, f64>,
    /// Share of all cores that these processes had, 0 to 1.
    pub(crate) cpu_share: f64,
    /// Measured right after.
    pub(crate) machine: Yardsticks,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) p50_ms: f64,
    pub(crate) p90_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

impl Quantiles {
    pub(crate) fn of(micros: &Histogram<u64>) -> Self {
        let at = |quantile| micros.value_at_quantile(quantile) as f64 / 1_000.0;
        Self {
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            max_ms: at(1.0),
        }
    }

    fn text(&self) -> String {
        let Self {
            p50_ms,
            p90_ms,
            p99_ms,
            max_ms,
        } = self;
        format!("p50 {p50_ms:.2} ms, p90 {p90_ms:.2} ms, p99 {p99_ms:.2} ms, max {max_ms:.2} ms")
    }
}

impl ThroughputRun {
    fn text(&self) -> String {
        let cpu: Vec<String> = self
            .cpu_micros_per_task
            .iter()
            .map(|(name, micros)| format!("{name} {micros:.1}"))
            .collect();
        let pgbench = self.machine.pgbench.map_or_else(String::new, |rates| {
            format!(
                ", pgbench simple-update {:.0}/s (1 client) {:.0}/s (16)",
                rates.one_client, rates.sixteen_clients
            )
        });
        format!(
            "{:.0} tasks/s: {} tasks in {:.2} s, all counted in the store\n  \
             submit {}; {} calls repeated\n  \
             CPU us/task: {}; {:.0} % of all cores\n  \
             this minute: fdatasync {:.0}/s{pgbench}\n",
            self.tasks_per_second,
            self.tasks,
            self.seconds,
            self.submit.text(),
            self.repeated_calls,
            cpu.join(", "),
            self.cpu_share * 100.0,
            self.machine.fdatasync_per_second,
        )
    }
}

impl ThroughputReport {
    pub(crate) fn print(&self, format: Format) -> Result<(), CliError> {
        if format == Format::Json {
            return output::print_json(self);
        }
        let Self {
            shape,
            connections,
            in_flight,
            ..
        } = self;
        let mut text = format!(
            "throughput, {shape:?}, {connections} connections x {in_flight} calls in flight\n"
        );
        text += &self.setting.text();
        for run in &self.runs {
            text += &run.text();
        }
        if self.runs.len() > 1 {
            let best = self.runs[self.best].tasks_per_second;
            text += &format!("best of {}: {best:.0} tasks/s\n", self.runs.len());
        }
        output::print(&text)
    }
}

/// Result of `drover bench latency`.
#[derive(Debug, Serialize)]
pub(crate) struct LatencyReport {
    pub(crate) setting: Setting,
    /// Submit calls per second, at fixed times.
    pub(crate) rate: f64,
    pub(crate) tasks: u64,
    /// From submit call to process start. Start times are recorded in whole milliseconds, rounded down; each latency
    /// counts to the end of its millisecond, so that these are upper bounds, up to 1 ms too high.
    pub(crate) start: Quantiles,
    /// From submit call to answer.
    pub(crate) submit: Quantiles,
    /// How much later than planned a call was made at the most: above a few ms the client was too slow to measure.
    pub(crate) latest_call_ms: f64,
    pub(crate) fdatasync_per_second: f64,
}

impl LatencyReport {
    pub(crate) fn print(&self, format: Format) -> Result<(), CliError> {
        if format == Format::Json {
            return output::print_json(self);
        }
        let text = format!(
            "latency, {}/s one by one, {} tasks of [\"true\"]\n{}\
             submit call to process start: {}\n  (start times are whole ms: upper bounds, up to 1 ms too high)\n\
             submit call to answer:        {}\n\
             calls at most {:.2} ms late; this minute: fdatasync {:.0}/s\n",
            self.rate,
            self.tasks,
            self.setting.text(),
            self.start.text(),
            self.submit.text(),
            self.latest_call_ms,
            self.fdatasync_per_second,
        );
        output::print(&text)
    }
}
/// In microseconds, to a tenth.
pub(super) fn median_us(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let median = times[times.len() / 2];
    (median.as_secs_f64() * 10_000_000.0).round() / 10.0
}
