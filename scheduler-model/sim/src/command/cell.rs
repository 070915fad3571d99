//! From flags and files to traces, one cell of a comparison at a time.

use std::path::PathBuf;

use drover_model::dispatch::Mode;

use super::{
    CommandError,
    source::{QueryArrivals, RepeatArgs, SourceArgs},
};
use crate::{
    evaluate::Counted,
    simulate::{Options, Rounds, in_parallel},
    trace::{
        ParseTraceError, ReadTraceError, Skipped, Trace,
        format::Format,
        philly,
        read::{self, TraceFile},
        swf::{self, Origin, SwfOptions},
        tpch,
    },
    workload::{self, FAMILIES, Family, Parameters},
};

const DAY_MS: u64 = 1_440 * 60_000;

/// How long a log of GPU jobs fills the pool before anything counts.
const POOL_FILLS_MS: u64 = 2 * DAY_MS;

/// Graphs of some sixty tasks are as much work as thousands of jobs.
const DAG_JOBS: u32 = 400;
const JOBS: u32 = 2_000;

/// Runs of the same kind: one workload at one load, or one file.
pub(super) struct Cell {
    pub(super) name: String,
    /// With the seed of each, or its first job.
    pub(super) traces: Vec<(u64, Trace)>,
    pub(super) counted: Counted,
    /// Of dispatch, where nobody says.
    pub(super) mode: Mode,
    rounds: Rounds,
    moving_ms: u64,
}

/// A file in memory.
pub(super) struct Opened {
    path: PathBuf,
    pub(super) file: TraceFile,
}

/// A cell that is made when its turn has come, so that the traces of only one are in memory.
pub(super) enum Plan<'a> {
    Family(Family, f64),
    File(&'a Opened),
    /// A log of GPU jobs, for a pool of so many.
    Pool(&'a Opened, u32),
    Queries(Vec<&'a Opened>, QueryArrivals),
}

impl Opened {
    fn malformed(&self, source: ParseTraceError) -> CommandError {
        CommandError::Trace(ReadTraceError::Malformed {
            file: self.path.clone(),
            source,
        })
    }
}

impl Cell {
    /// All that counts, in rounds after each event.
    pub(super) fn new(name: String, traces: Vec<(u64, Trace)>) -> Self {
        Self {
            name,
            traces,
            counted: Counted::All,
            mode: Mode::Easy,
            rounds: Rounds::EachEvent,
            moving_ms: 0,
        }
    }

    /// Figures over no jobs would be 0, and 0 is the best there is.
    fn check(&self) -> Result<(), CommandError> {
        let counts_any = |(_, trace): &(u64, Trace)| self.counted.counts_any(trace);
        if self.traces.iter().all(counts_any) {
            return Ok(());
        }
        Err(CommandError::NothingCounts {
            cell: self.name.clone(),
        })
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
    pub(super) fn open(&self) -> Result<Vec<Opened>, CommandError> {
        let open = |path: &PathBuf| {
            Ok(Opened {
                path: path.clone(),
                file: read::open(path, self.format)?,
            })
        };
        self.trace.iter().map(open).collect()
    }

    pub(super) fn plans<'a>(&self, files: &'a [Opened]) -> Result<Vec<Plan<'a>>, CommandError> {
        if files.is_empty() && self.workload.is_empty() {
            return Err(CommandError::Usage(
                "say what to simulate: --workload steady (or all), or --trace FILE",
            ));
        }
        let mut plans = Vec::new();
        for family in self.families()? {
            let at = |load: &f64| Plan::Family(family, *load);
            plans.extend(self.load.iter().map(at));
        }
        let mut queries = Vec::new();
        for opened in files {
            match opened.file.format {
                Format::Tpch => queries.push(opened),
                Format::Philly => {
                    plans.extend(self.gpus.iter().map(|gpus| Plan::Pool(opened, *gpus)));
                }
                _ => plans.push(Plan::File(opened)),
            }
        }
        if !queries.is_empty() {
            let arrivals = self.arrivals.iter();
            plans.extend(arrivals.map(|arrivals| Plan::Queries(queries.clone(), *arrivals)));
        }
        Ok(plans)
    }

    fn families(&self) -> Result<Vec<Family>, CommandError> {
        if self.workload.iter().any(|name| name == "all") {
            return Ok(FAMILIES.to_vec());
        }
        let families = self.workload.iter().map(|name| workload::find(name));
        Ok(families.collect::<Result<_, _>>()?)
    }

    /// Lines that a lenient reader passed over are counted in `skipped`.
    pub(super) fn cell(
        &self,
        plan: &Plan<'_>,
        repeat: &RepeatArgs,
        skipped: &mut Skipped,
    ) -> Result<Cell, CommandError> {
        let cell = match plan {
            Plan::Family(family, load) => self.generated(family, *load, repeat)?,
            Plan::File(opened) => self.file(opened, repeat, skipped)?,
            Plan::Pool(opened, gpus) => self.pool(opened, *gpus, skipped)?,
            Plan::Queries(files, arrivals) => self.queries(files, *arrivals, repeat)?,
        };
        cell.check()?;
        Ok(cell)
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

    fn file(
        &self,
        opened: &Opened,
        repeat: &RepeatArgs,
        skipped: &mut Skipped,
    ) -> Result<Cell, CommandError> {
        let file = &opened.file;
        if file.format == Format::Swf {
            let log = self.log(opened)?;
            skipped.merge(&log.skipped);
            return Ok(Cell {
                mode: Mode::Strict,
                ..Cell::new(file.name.clone(), windows(&file.name, &log, repeat)?)
            });
        }
        let read = read::parse(file, &self.read_options());
        let (mut trace, passed_over) = read.map_err(|source| opened.malformed(source))?;
        skipped.merge(&passed_over);
        let jobs = self.jobs.map_or(usize::MAX, |jobs| jobs as usize);
        trace.jobs.truncate(jobs);
        Ok(Cell::new(file.name.clone(), vec![(0, trace)]))
    }

    /// Its times are whole minutes, so that rounds are held when all of a minute is done.
    fn pool(
        &self,
        opened: &Opened,
        gpus: u32,
        skipped: &mut Skipped,
    ) -> Result<Cell, CommandError> {
        let file = &opened.file;
        let log = philly::parse(&file.content, self.lenient);
        let log = log.map_err(|source| opened.malformed(source))?;
        skipped.merge(&log.skipped);
        let trace = log.trace(&file.name, gpus, self.days.as_ref())?;
        Ok(Cell {
            counted: counted_days(&trace),
            mode: Mode::Greedy,
            rounds: Rounds::EachMoment,
            ..Cell::new(format!("{} {gpus} gpus", file.name), vec![(0, trace)])
        })
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
        arrivals: QueryArrivals,
        repeat: &RepeatArgs,
    ) -> Result<Cell, CommandError> {
        let set = |opened: &&Opened| {
            let set = tpch::parse(&opened.file.content, &opened.file.name);
            set.map_err(|source| opened.malformed(source))
        };
        let sizes = files.iter().map(set).collect::<Result<Vec<_>, _>>()?;
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
                0 => tpch::Moving::Free,
                _ => tpch::Moving::Modelled,
            },
            ..tpch::Load::default()
        };
        let drawn = |seed: u64| {
            let trace = tpch::Load { seed, ..load }.trace(&sizes)?;
            Ok((seed, trace))
        };
        let traces = repeat.all_seeds().map(drawn);
        Ok(Cell {
            mode: Mode::Greedy,
            moving_ms: self.moving_ms,
            ..Cell::new(
                format!("tpch {how}"),
                traces.collect::<Result<_, CommandError>>()?,
            )
        })
    }

    fn read_options(&self) -> read::ReadOptions {
        read::ReadOptions {
            format: self.format,
            lenient: self.lenient,
            load: self.load[0],
            ..read::ReadOptions::default()
        }
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
    let traces = log.windows(name, &windows, Origin::Log)?;
    let firsts = windows.starts.iter().map(|first| *first as u64);
    Ok(firsts.zip(traces).collect())
}

/// After the pool has filled, and before the last minute of the log, in which its reference tables stop.
fn counted_days(trace: &Trace) -> Counted {
    let last = trace.jobs.last().map_or(0, |job| job.submitted_ms);
    if last <= POOL_FILLS_MS {
        return Counted::All;
    }
    let first = trace.jobs.first().map_or(0, |job| job.submitted_ms);
    // Of chosen days the first fills the pool.
    let begin = match first {
        0..=POOL_FILLS_MS => POOL_FILLS_MS,
        _ => (first / DAY_MS + 1) * DAY_MS,
    };
    Counted::Submitted(begin..last)
}
