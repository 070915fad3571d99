//! What is simulated: made-up workloads at some loads, or files.

use std::{
    ops::{Range, RangeInclusive},
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use drover_model::dispatch::Mode;

use super::CommandError;
use crate::{
    evaluate::Counted,
    simulate::{Options, Rounds, in_parallel},
    trace::{
        PUBLISHED_LENGTH, ReadTraceError, Skipped, Trace, Windows,
        format::Format,
        philly, read,
        swf::{self, Origin, SwfOptions},
        tpch,
    },
    workload::{self, FAMILIES, Family, Parameters},
};

const DAY_MS: u64 = 1_440 * 60_000;

/// Minutes of a log of GPU jobs that fill the pool before anything counts.
const PHILLY_WARM_UP_MS: u64 = 2_880 * 60_000;

/// Flags that say what is simulated.
#[derive(Clone, Debug, clap::Args)]
pub struct SourceArgs {
    /// Made-up workloads, separated by commas: steady, bursty, heavy-tail, deadline-tight, dag, edge-cloud-gpu, lublin; `all`
    /// are the first six
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub workload: Vec<String>,
    /// Files: SWF logs, TPC-H query graphs (several are drawn from together), Alibaba 2018 tasks, GPU jobs with deadlines, or
    /// what `drover trace export` wrote
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub trace: Vec<PathBuf>,
    /// Work that arrives by what the nodes can do, of made-up workloads; several with commas
    #[arg(
        long,
        value_name = "SHARE,...",
        value_delimiter = ',',
        default_value = "0.9"
    )]
    pub load: Vec<f64>,
    /// Jobs of each made-up workload, or drawn from TPC-H queries, or the first so many of a file that is not cut into windows
    /// [default: 2000, 400 graphs of dag, 20 queries of a batch and 200 of a stream, whole files]
    #[arg(long, value_name = "NUMBER")]
    pub jobs: Option<u32>,
    /// How often each made-up workload is drawn anew
    #[arg(long, value_name = "NUMBER", default_value_t = 30)]
    pub seeds: u32,
    /// The first of the seeds
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub first_seed: u64,
    /// Stretches of an SWF log that are simulated by themselves: `published`, a number of them at equal distances, or `whole`
    #[arg(long, value_name = "WINDOWS", default_value = "published")]
    pub windows: Cut,
    /// Jobs in each window
    #[arg(long, value_name = "NUMBER", default_value_t = PUBLISHED_LENGTH)]
    pub window_length: usize,
    /// What the file is, where it cannot be told from its name and content
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Count lines that make no sense instead of refusing the file
    #[arg(long)]
    pub lenient: bool,
    /// Processors of an SWF log's machine; by default from the file
    #[arg(long, value_name = "NUMBER")]
    pub processors: Option<u32>,
    /// GPUs of the pool, for GPU jobs with deadlines; several with commas
    #[arg(
        long,
        value_name = "NUMBER,...",
        value_delimiter = ',',
        default_value = "1152"
    )]
    pub gpus: Vec<u32>,
    /// Days of submission, for GPU jobs with deadlines, such as 9-14 [default: all]
    #[arg(long, value_name = "FIRST-LAST", value_parser = parse_days)]
    pub days: Option<RangeInclusive<u64>>,
    /// How jobs drawn from TPC-H queries arrive; both with a comma
    #[arg(
        long,
        value_name = "HOW,...",
        value_delimiter = ',',
        default_value = "batch"
    )]
    pub arrivals: Vec<QueryArrivals>,
    /// What it costs to move an executor between jobs of TPC-H queries, in milliseconds; 0 leaves all rules of executors out
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub moving_ms: u64,
}

/// How a log is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    Published,
    Evenly(usize),
    Whole,
}

impl std::str::FromStr for Cut {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "published" => Ok(Self::Published),
            "whole" => Ok(Self::Whole),
            number => match number.parse() {
                Ok(number @ 1..=100_000) => Ok(Self::Evenly(number)),
                _ => Err("must be published, whole, or a number of windows from 1 to 100000"),
            },
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QueryArrivals {
    /// All at the beginning
    Batch,
    /// One every 25 s on average
    Stream,
}

fn parse_days(text: &str) -> Result<RangeInclusive<u64>, &'static str> {
    let problem = "must be two days from 1 on, the first not after the last, such as 9-14";
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let days = first.parse().ok().zip(last.parse().ok());
    let (first, last): (u64, u64) = days.ok_or(problem)?;
    if first == 0 || last < first {
        return Err(problem);
    }
    Ok(first..=last)
}

/// Runs of the same kind: one workload at one load, or one file.
pub(super) struct Cell {
    pub(super) name: String,
    /// With the seed of each, or its first job.
    pub(super) traces: Vec<(u64, Trace)>,
    pub(super) counted: Counted,
    pub(super) mode: Mode,
    pub(super) rounds: Rounds,
}

/// A cell that can be made when its turn has come, so that only one is in memory.
pub(super) enum Plan<'a> {
    Family(Family, f64),
    File(&'a Path),
    /// A log of GPU jobs, for a pool of so many.
    Pool(&'a Path, u32),
    Queries(Vec<&'a Path>, QueryArrivals),
}

impl SourceArgs {
    pub(super) fn plans(&self) -> Result<Vec<Plan<'_>>, CommandError> {
        if self.trace.is_empty() && self.workload.is_empty() {
            return Err(CommandError::Usage(
                "say what to simulate: --workload steady (or all), or --trace FILE",
            ));
        }
        if self.seeds == 0 {
            return Err(CommandError::Usage("--seeds must be at least 1"));
        }
        let mut plans = Vec::new();
        for family in self.families()? {
            let at = |load: &f64| Plan::Family(family, *load);
            plans.extend(self.load.iter().map(at));
        }
        let mut queries = Vec::new();
        for path in &self.trace {
            match read::open(path, self.format)?.format {
                Format::Tpch => queries.push(path.as_path()),
                Format::Philly => {
                    plans.extend(self.gpus.iter().map(|gpus| Plan::Pool(path, *gpus)));
                }
                _ => plans.push(Plan::File(path)),
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
        families
            .map(|family| family.map_err(CommandError::from))
            .collect()
    }

    /// Lines that a lenient reader passed over are counted in `skipped`.
    pub(super) fn cell(
        &self,
        plan: &Plan<'_>,
        skipped: &mut Skipped,
    ) -> Result<Cell, CommandError> {
        match plan {
            Plan::Family(family, load) => self.generated(family, *load),
            Plan::File(path) => self.file(path, skipped),
            Plan::Pool(path, gpus) => self.pool(path, *gpus, skipped),
            Plan::Queries(paths, arrivals) => self.queries(paths, *arrivals),
        }
    }

    fn seeds(&self) -> Range<u64> {
        self.first_seed..self.first_seed + u64::from(self.seeds)
    }

    fn generated(&self, family: &Family, load: f64) -> Result<Cell, CommandError> {
        let seeds: Vec<u64> = self.seeds().collect();
        let generate = |seed: &u64| {
            family.generate(&Parameters {
                load,
                jobs: self
                    .jobs
                    .unwrap_or(if family.name == "dag" { 400 } else { 2_000 }),
                seed: *seed,
            })
        };
        let traces = in_parallel(&seeds, generate, |_| ());
        let traces = traces.into_iter().collect::<Result<Vec<Trace>, _>>()?;
        Ok(Cell {
            name: format!("{} {load}", family.name),
            traces: seeds.into_iter().zip(traces).collect(),
            counted: Counted::AfterWarmUp,
            mode: Mode::Easy,
            rounds: Rounds::EachEvent,
        })
    }

    fn file(&self, path: &Path, skipped: &mut Skipped) -> Result<Cell, CommandError> {
        let file = read::open(path, self.format)?;
        let malformed = |source| ReadTraceError::Malformed {
            file: path.to_owned(),
            source,
        };
        let mut cell = Cell {
            name: file.name.clone(),
            traces: Vec::new(),
            counted: Counted::All,
            mode: Mode::Easy,
            rounds: Rounds::EachEvent,
        };
        match file.format {
            Format::Swf => {
                let log = self.log(&file.content).map_err(malformed)?;
                skipped.merge(&log.skipped);
                cell.mode = Mode::Strict;
                cell.traces = self.windows(&file.name, &log)?;
            }
            _ => {
                let read = read::parse(&file, &self.read_options());
                let (mut trace, passed_over) = read.map_err(malformed)?;
                skipped.merge(&passed_over);
                trace
                    .jobs
                    .truncate(self.jobs.map_or(usize::MAX, |jobs| jobs as usize));
                cell.traces.push((0, trace));
            }
        }
        Ok(cell)
    }

    /// Its times are whole minutes, so that rounds are held when all of a minute is done.
    fn pool(&self, path: &Path, gpus: u32, skipped: &mut Skipped) -> Result<Cell, CommandError> {
        let file = read::open(path, self.format)?;
        let log = philly::parse(&file.content, self.lenient);
        let log = log.map_err(|source| ReadTraceError::Malformed {
            file: path.to_owned(),
            source,
        })?;
        skipped.merge(&log.skipped);
        let trace = log.trace(&file.name, gpus, self.days.as_ref())?;
        Ok(Cell {
            name: format!("{} {gpus} gpus", file.name),
            counted: counted_days(&trace),
            traces: vec![(0, trace)],
            mode: Mode::Greedy,
            rounds: Rounds::EachMoment,
        })
    }

    pub(super) fn log(&self, content: &[u8]) -> Result<swf::SwfLog, crate::trace::ParseTraceError> {
        swf::parse(
            content,
            SwfOptions {
                processors: self.processors,
                lenient: self.lenient,
            },
        )
    }

    fn windows(&self, name: &str, log: &swf::SwfLog) -> Result<Vec<(u64, Trace)>, CommandError> {
        let Some(windows) = self.cut(log.jobs.len()) else {
            return Ok(vec![(0, log.trace(name))]);
        };
        let traces = log.windows(name, &windows, Origin::Log)?;
        let firsts = windows.starts.iter().map(|first| *first as u64);
        Ok(firsts.zip(traces).collect())
    }

    /// `None`: the whole log.
    pub(super) fn cut(&self, jobs: usize) -> Option<Windows> {
        match self.windows {
            Cut::Whole => None,
            Cut::Evenly(count) => Some(Windows::evenly(jobs, self.window_length, count)),
            Cut::Published => Some(Windows {
                length: self.window_length,
                ..Windows::published()
            }),
        }
    }

    fn queries(&self, paths: &[&Path], arrivals: QueryArrivals) -> Result<Cell, CommandError> {
        let mut sizes = Vec::new();
        for path in paths {
            let file = read::open(path, self.format)?;
            let set = tpch::parse(&file.content, &file.name);
            sizes.push(set.map_err(|source| ReadTraceError::Malformed {
                file: path.to_path_buf(),
                source,
            })?);
        }
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
        let seeds: Vec<u64> = self.seeds().collect();
        let traces = seeds.iter().map(|seed| {
            let load = tpch::Load {
                seed: *seed,
                ..load
            };
            Ok((*seed, load.trace(&sizes)?))
        });
        Ok(Cell {
            name: format!("tpch {how}"),
            traces: traces.collect::<Result<_, CommandError>>()?,
            counted: Counted::All,
            mode: Mode::Greedy,
            rounds: Rounds::EachEvent,
        })
    }

    fn read_options(&self) -> read::ReadOptions {
        read::ReadOptions {
            format: self.format,
            lenient: self.lenient,
            processors: self.processors,
            gpus: self.gpus[0],
            days: self.days.clone(),
            load: self.load.first().copied().unwrap_or(0.9),
            ..read::ReadOptions::default()
        }
    }

    /// What holds for every run of a cell.
    pub(super) fn options(&self, cell: &Cell, options: &Options, seed: u64) -> Options {
        Options {
            seed,
            rounds: cell.rounds,
            moving_ms: self.moving_ms,
            ..options.clone()
        }
    }
}

/// After the pool has filled, and before the last minute of the log, in which its reference tables stop.
fn counted_days(trace: &Trace) -> Counted {
    let last = trace.jobs.last().map_or(0, |job| job.submitted_ms);
    if last <= PHILLY_WARM_UP_MS {
        return Counted::All;
    }
    let first = trace.jobs.first().map_or(0, |job| job.submitted_ms);
    // Of chosen days the first is the warm-up.
    let begin = match first {
        0..=PHILLY_WARM_UP_MS => PHILLY_WARM_UP_MS,
        _ => (first / DAY_MS + 1) * DAY_MS,
    };
    Counted::Submitted(begin..last)
}
