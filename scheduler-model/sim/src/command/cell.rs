//! From flags and files to traces.

use drover_model::dispatch::Mode;

use super::{
    CommandError,
    plan::{Opened, Plan},
    source::{QueryArrivals, RepeatArgs, SourceArgs},
};
use crate::{
    evaluate::{Counted, Figures, Run},
    simulate::{Options, Outcome, Rounds, in_parallel},
    trace::{
        ParseTraceError, Skipped, Trace,
        alibaba::{self, AlibabaOptions},
        history,
        swf::{self, SwfOptions},
        tpch,
    },
    workload::{Family, Parameters},
};

/// Graphs of some sixty tasks are as much work as thousands of jobs.
const DAG_JOBS: u32 = 400;
const JOBS: u32 = 2_000;

/// Runs of the same kind: one workload at one load, or one file.
pub(super) struct Cell {
    pub(super) name: String,
    /// With the seed of each, or its first job.
    pub(super) traces: Vec<(u64, Trace)>,
    pub(super) counted: Counted,
    /// Runs that one simulation is shown as, each counting a part of that.
    pub(super) slices: u32,
    /// Of dispatch, where nobody says.
    pub(super) mode: Mode,
    pub(super) rounds: Rounds,
    pub(super) moving_ms: u64,
}

impl Cell {
    /// All that counts, in rounds after each event.
    pub(super) fn new(name: String, traces: Vec<(u64, Trace)>) -> Self {
        Self {
            name,
            traces,
            counted: Counted::All,
            slices: 1,
            mode: Mode::Easy,
            rounds: Rounds::EachEvent,
            moving_ms: 0,
        }
    }

    /// Figures over no jobs would be 0, and 0 is the best there is.
    fn check(&self) -> Result<(), CommandError> {
        let slices = self.counted.slices(self.slices);
        let counts_any =
            |(_, trace): &(u64, Trace)| slices.iter().all(|counted| counted.counts_any(trace));
        if self.traces.iter().all(counts_any) {
            return Ok(());
        }
        Err(CommandError::NothingCounts {
            cell: self.name.clone(),
        })
    }

    /// The figures of a simulation.
    pub(super) fn runs(&self, seed: u64, outcome: &Outcome) -> Vec<Run> {
        let slices = self.counted.slices(self.slices);
        let run = |(place, counted): (u64, &Counted)| Run {
            seed: seed + place,
            figures: Figures::counting(outcome, counted),
        };
        (0..).zip(&slices).map(run).collect()
    }

    /// What holds for every run of the cell.
    pub(super) fn options(&self, options: &Options, seed: u64) -> Options {
        Options {
            seed,
            rounds: self.rounds,
            moving_ms: self.moving_ms,
            ..options.clone()
        }
    }
}

impl SourceArgs {
    /// As many as the plan says, from reading its files once. Lines that a lenient reader passed over are counted in
    /// `skipped`.
    pub(super) fn cells(
        &self,
        plan: &Plan<'_>,
        repeat: &RepeatArgs,
        skipped: &mut Skipped,
    ) -> Result<Vec<Cell>, CommandError> {
        let cells = match plan {
            Plan::Family(family, load) => vec![self.generated(family, *load, repeat)?],
            Plan::Swf(opened) => vec![self.swf(opened, repeat, skipped)?],
            Plan::Alibaba(opened) => vec![self.alibaba(opened, skipped)?],
            Plan::History(opened) => vec![self.history(opened, skipped)?],
            Plan::Pools(opened, gpus) => self.gpu_jobs(opened, gpus, repeat, skipped)?,
            Plan::Queries(files, arrivals) => self.queries(files, arrivals, repeat)?,
        };
        cells.iter().try_for_each(Cell::check)?;
        Ok(cells)
    }

    fn generated(
        &self,
        family: &Family,
        load: f64,
        repeat: &RepeatArgs,
    ) -> Result<Cell, CommandError> {
        let seeds: Vec<u64> = repeat.all_seeds().collect();
        let usual = if family.name == "dag" { DAG_JOBS } else { JOBS };
        let generate = |seed: &u64| {
            family.generate(&Parameters {
                load,
                jobs: self.jobs.unwrap_or(usual),
                seed: *seed,
            })
        };
        let traces = in_parallel(&seeds, generate, |_| ());
        let traces = traces.into_iter().collect::<Result<Vec<Trace>, _>>()?;
        let traces = seeds.into_iter().zip(traces).collect();
        Ok(Cell {
            counted: Counted::AfterWarmUp,
            ..Cell::new(format!("{} {load}", family.name), traces)
        })
    }

    fn swf(
        &self,
        opened: &Opened,
        repeat: &RepeatArgs,
        skipped: &mut Skipped,
    ) -> Result<Cell, CommandError> {
        let name = &opened.file.name;
        let log = self.log(opened)?;
        skipped.merge(&log.skipped);
        Ok(Cell {
            mode: Mode::Strict,
            ..Cell::new(name.clone(), windows(name, &log, repeat)?)
        })
    }

    fn alibaba(&self, opened: &Opened, skipped: &mut Skipped) -> Result<Cell, CommandError> {
        let options = AlibabaOptions {
            load: self.only_load()?,
            lenient: self.lenient,
        };
        let file = &opened.file;
        let read = alibaba::parse(&file.content, &file.name, options);
        self.whole(opened, read, skipped)
    }

    fn history(&self, opened: &Opened, skipped: &mut Skipped) -> Result<Cell, CommandError> {
        let file = &opened.file;
        let read = history::parse(&file.content, &file.name, self.lenient);
        self.whole(opened, read, skipped)
    }

    /// Or its first jobs.
    fn whole(
        &self,
        opened: &Opened,
        read: Result<(Trace, Skipped), ParseTraceError>,
        skipped: &mut Skipped,
    ) -> Result<Cell, CommandError> {
        let (mut trace, passed_over) = read.map_err(|source| opened.malformed(source))?;
        skipped.merge(&passed_over);
        let jobs = self.jobs.map_or(usize::MAX, |jobs| jobs as usize);
        trace.jobs.truncate(jobs);
        Ok(Cell::new(opened.file.name.clone(), vec![(0, trace)]))
    }

    pub(super) fn log(&self, opened: &Opened) -> Result<swf::SwfLog, CommandError> {
        let options = SwfOptions {
            processors: self.processors,
            lenient: self.lenient,
        };
        let log = swf::parse(&opened.file.content, options);
        log.map_err(|source| opened.malformed(source))
    }

    fn queries(
        &self,
        files: &[&Opened],
        arrivals: &[QueryArrivals],
        repeat: &RepeatArgs,
    ) -> Result<Vec<Cell>, CommandError> {
        let set = |opened: &&Opened| {
            let set = tpch::parse(&opened.file.content, &opened.file.name);
            set.map_err(|source| opened.malformed(source))
        };
        let sizes = files.iter().map(set).collect::<Result<Vec<_>, _>>()?;
        let cell = |arrivals: &QueryArrivals| self.drawn(&sizes, *arrivals, repeat);
        arrivals.iter().map(cell).collect()
    }

    fn drawn(
        &self,
        sizes: &[tpch::QuerySet],
        arrivals: QueryArrivals,
        repeat: &RepeatArgs,
    ) -> Result<Cell, CommandError> {
        let (arrivals, jobs, how) = match arrivals {
            QueryArrivals::Batch => (tpch::Arrivals::Batch, 20, "batch"),
            QueryArrivals::Stream => {
                let mean_gap_ms = tpch::MEAN_GAP_MS;
                (tpch::Arrivals::Stream { mean_gap_ms }, 200, "stream")
            }
        };
        let load = tpch::Load {
            jobs: self.jobs.unwrap_or(jobs) as usize,
            arrivals,
            moving: match self.moving_ms {
                None => tpch::Moving::Free,
                Some(_) => tpch::Moving::Modelled,
            },
            ..tpch::Load::default()
        };
        let traces = repeat.all_seeds().map(|seed| {
            let trace = tpch::Load { seed, ..load }.trace(sizes)?;
            Ok((seed, trace))
        });
        Ok(Cell {
            mode: Mode::Greedy,
            moving_ms: self.moving_ms.unwrap_or(0),
            ..Cell::new(
                format!("tpch {how}"),
                traces.collect::<Result<_, CommandError>>()?,
            )
        })
    }
}

fn windows(
    name: &str,
    log: &swf::SwfLog,
    repeat: &RepeatArgs,
) -> Result<Vec<(u64, Trace)>, CommandError> {
    let Some(windows) = repeat.cut(log.jobs.len())? else {
        return Ok(vec![(0, log.trace(name))]);
    };
    let traces = log.windows(name, &windows)?;
    let firsts = windows.starts.iter().map(|first| *first as u64);
    Ok(firsts.zip(traces).collect())
}
