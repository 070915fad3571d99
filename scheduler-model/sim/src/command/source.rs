//! What is simulated: made-up workloads at some loads, or files.

use std::{ops::RangeInclusive, path::PathBuf};

use clap::ValueEnum;

use crate::trace::{PUBLISHED_LENGTH, Windows, format::Format};

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

/// Flags that say how often.
#[derive(Clone, Debug, clap::Args)]
pub struct RepeatArgs {
    /// How often each made-up workload is drawn anew
    #[arg(long, value_name = "NUMBER", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=100_000))]
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
}

impl RepeatArgs {
    /// One trace of each source, a log as a whole.
    pub(super) fn once(seed: u64) -> Self {
        Self {
            seeds: 1,
            first_seed: seed,
            windows: Cut::Whole,
            window_length: PUBLISHED_LENGTH,
        }
    }

    /// Of what is made up.
    pub(super) fn all_seeds(&self) -> impl Iterator<Item = u64> {
        let first = self.first_seed;
        (0..u64::from(self.seeds)).map(move |place| first.wrapping_add(place))
    }

    /// Of a log with so many jobs. `None`: all of it.
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
