//! What is simulated: made-up workloads at some loads, or files.

use std::{ops::RangeInclusive, path::PathBuf};

use clap::ValueEnum;

use super::CommandError;
use crate::trace::{PUBLISHED_JOBS, PUBLISHED_LENGTH, Windows, format::Format};

/// Of a log that the published ones were not drawn for.
const WINDOWS: usize = 10;

/// Busy, and without a queue that only grows.
const LOADS: [f64; 1] = [0.9];

/// GPUs of the smaller pool of the reference figures.
const POOLS: [u32; 1] = [1_152];
const ARRIVALS: [QueryArrivals; 1] = [QueryArrivals::Batch];
const SEEDS: u32 = 30;
pub(super) const FIRST_SEED: u64 = 1;

/// Flags that say what is simulated.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SourceArgs {
    /// Made-up workloads, separated by commas: steady, bursty, heavy-tail, deadline-tight, dag, edge-cloud-gpu, lublin; `all`
    /// are the first six
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub workload: Vec<String>,
    /// Files: SWF logs, TPC-H query graphs (several are drawn from together), Alibaba 2018 tasks, GPU jobs with deadlines, or
    /// what `drover trace export` wrote
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub trace: Vec<PathBuf>,
    /// Work that arrives by what the nodes can do, of made-up workloads, several with commas, or of Alibaba tasks [default:
    /// 0.9]
    #[arg(long, value_name = "SHARE,...", value_delimiter = ',')]
    pub load: Vec<f64>,
    /// Jobs of each made-up workload, or drawn from TPC-H queries, or the first so many of Alibaba tasks or a history
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
    /// GPUs of the pool, for GPU jobs with deadlines; several with commas [default: 1152]
    #[arg(long, value_name = "NUMBER,...", value_delimiter = ',')]
    pub gpus: Vec<u32>,
    /// Days of submission, for GPU jobs with deadlines, such as 9-14 [default: all]
    #[arg(long, value_name = "FIRST-LAST", value_parser = parse_days)]
    pub days: Option<RangeInclusive<u64>>,
    /// How jobs drawn from TPC-H queries arrive; both with a comma [default: batch]
    #[arg(long, value_name = "HOW,...", value_delimiter = ',')]
    pub arrivals: Vec<QueryArrivals>,
    /// Jobs drawn from TPC-H queries take what their executors did before into account, and this is what it costs to move one
    /// between jobs, in milliseconds [default: every task of a stage takes as long]
    #[arg(long, value_name = "MS")]
    pub moving_ms: Option<u64>,
}

impl SourceArgs {
    pub(super) fn loads(&self) -> &[f64] {
        given_or(&self.load, &LOADS)
    }

    pub(super) fn pools(&self) -> &[u32] {
        given_or(&self.gpus, &POOLS)
    }

    pub(super) fn query_arrivals(&self) -> &[QueryArrivals] {
        given_or(&self.arrivals, &ARRIVALS)
    }

    /// Where only one makes sense.
    ///
    /// # Errors
    /// When there are several.
    pub(super) fn only_load(&self) -> Result<f64, CommandError> {
        match self.loads() {
            [load] => Ok(*load),
            _ => Err(CommandError::Usage(
                "several --load are for made-up workloads; generated jobs and Alibaba tasks take one",
            )),
        }
    }
}

fn given_or<'a, T>(given: &'a [T], usual: &'a [T]) -> &'a [T] {
    if given.is_empty() { usual } else { given }
}

/// Flags that say how often.
#[derive(Clone, Debug, clap::Args)]
pub struct RepeatArgs {
    /// How often each made-up workload is drawn anew [default: 30]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub seeds: Option<u32>,
    /// The first of the seeds [default: 1]
    #[arg(long, value_name = "SEED")]
    pub first_seed: Option<u64>,
    /// Stretches of an SWF log that are simulated by themselves: `published`, for logs of 10000 jobs, a number of them at equal
    /// distances, or `whole` [default: published for 10000 jobs, otherwise 10, and whole for fewer jobs than a window has]
    #[arg(long, value_name = "WINDOWS")]
    pub windows: Option<Cut>,
    /// Jobs in each window [default: 1024]
    #[arg(long, value_name = "NUMBER")]
    pub window_length: Option<usize>,
    /// Parts of the time that counts, of GPU jobs with deadlines, that are runs of their own in the figures, though of one
    /// simulation: differences between policies have intervals then [default: 1]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub slices: Option<u32>,
}

impl RepeatArgs {
    /// One trace of each source, a log as a whole.
    pub(super) fn once(seed: u64) -> Self {
        Self {
            seeds: Some(1),
            first_seed: Some(seed),
            windows: Some(Cut::Whole),
            window_length: None,
            slices: None,
        }
    }

    /// Of what is made up.
    pub(super) fn all_seeds(&self) -> impl Iterator<Item = u64> {
        let first = self.first_seed.unwrap_or(FIRST_SEED);
        let seeds = self.seeds.unwrap_or(SEEDS);
        (0..u64::from(seeds)).map(move |place| first.wrapping_add(place))
    }

    /// Of a log with so many jobs. `None`: all of it.
    ///
    /// # Errors
    /// When the published windows are asked for, and the log is none of those that they were drawn for.
    pub(super) fn cut(&self, jobs: usize) -> Result<Option<Windows>, CommandError> {
        let length = self.window_length.unwrap_or(PUBLISHED_LENGTH);
        let usual = match jobs {
            PUBLISHED_JOBS => Cut::Published,
            _ if jobs < length => Cut::Whole,
            _ => Cut::Evenly(WINDOWS),
        };
        match self.windows.unwrap_or(usual) {
            Cut::Whole => Ok(None),
            Cut::Evenly(count) => Ok(Some(Windows::evenly(jobs, length, count))),
            Cut::Published if jobs != PUBLISHED_JOBS => {
                Err(CommandError::PublishedWindows { jobs })
            }
            Cut::Published => Ok(Some(Windows {
                length,
                ..Windows::published()
            })),
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

/// Days from 1 on.
///
/// # Errors
/// What they have to look like.
pub fn parse_days(text: &str) -> Result<RangeInclusive<u64>, &'static str> {
    let problem = "must be two days from 1 on, the first not after the last, such as 9-14";
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let days = first.parse().ok().zip(last.parse().ok());
    let (first, last): (u64, u64) = days.ok_or(problem)?;
    if first == 0 || last < first {
        return Err(problem);
    }
    Ok(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(windows: Option<Cut>, jobs: usize) -> Result<Option<Windows>, CommandError> {
        let repeat = RepeatArgs {
            windows,
            ..RepeatArgs::once(1)
        };
        repeat.cut(jobs)
    }

    #[test]
    fn a_log_is_cut_by_its_length() {
        let published = Some(Windows::published());
        assert_eq!(cut(None, PUBLISHED_JOBS).unwrap(), published);
        assert_eq!(
            cut(Some(Cut::Published), PUBLISHED_JOBS).unwrap(),
            published
        );
        let longer = cut(None, 300_000).unwrap().unwrap();
        assert_eq!((longer.starts.len(), longer.length), (10, 1_024));
        assert_eq!(longer.starts.last(), Some(&(300_000 - 1_024)));
        assert_eq!(cut(None, 1_023).unwrap(), None);
        assert!(cut(None, 1_024).unwrap().is_some());
        assert_eq!(cut(Some(Cut::Whole), PUBLISHED_JOBS).unwrap(), None);
    }

    #[test]
    fn published_windows_are_of_published_logs() {
        for jobs in [PUBLISHED_JOBS - 1, PUBLISHED_JOBS + 1] {
            let error = cut(Some(Cut::Published), jobs).unwrap_err();
            assert!(error.is_usage());
            assert!(error.to_string().contains(&jobs.to_string()), "{error}");
        }
    }
}
