use std::{path::PathBuf, time::Duration};

use clap::Args;
use drover_model::{inference::Weights, observation::layout};
use drover_proto::time::{format_duration, parse_duration};

use super::{CommandError, error::read_weights};
use crate::serve::{FEWEST_JOBS, Naming, Plan, ServeError, ServeOptions, Service, TuneSettings};

/// Learns on beside a coordinator: fine-tunes the policy in use on recent load, and offers what is better.
#[derive(Debug, Args)]
#[command(
    after_help = "It reads jobs and policies, and offers candidates; whether one is used is for the coordinator's gate to say, and \
        `drover policy history` tells. It may be ended and started at any time.\n\n\
        Examples:\n  drover-learner serve\n  drover-learner serve --coordinator http://head-1:7700,http://head-2:7700 --interval 1h\n  \
        drover-learner serve --once --candidate weights.safetensors"
)]
pub(super) struct ServeArgs {
    /// Address of the coordinator; with standbys, all of them, separated by commas
    #[arg(
        long,
        env = "DROVER_ADDRESS",
        value_name = "URL,...",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:7700"
    )]
    coordinator: Vec<String>,
    /// Whose jobs are looked at
    #[arg(long, value_name = "NAME", default_value = "default")]
    namespace: String,
    /// Between the end of a turn and the next
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    interval: Duration,
    /// Jobs that a turn looks at, the last ones: three fifths to train on, and the later rest to evaluate on
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(FEWEST_JOBS as i64..=20_000))]
    jobs: u32,
    /// Jobs that have to have ended before anything is learned [default: 200, or --jobs where that is less]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(FEWEST_JOBS as i64..=20_000))]
    min_jobs: Option<u32>,
    /// Generations of the search in each turn
    #[arg(long, value_name = "NUMBER", default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    generations: u64,
    /// Of everything that is random: equal seeds and equal records give equal candidates
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Simulations at once
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// What candidates are called, with a hyphen and a number behind it
    #[arg(long, value_name = "NAME", default_value = "online")]
    version_prefix: String,
    /// Make one turn and end; that nobody answers is then an error
    #[arg(long)]
    once: bool,
    /// Offer these weights as they are, after the same evaluation, instead of training any
    #[arg(long, value_name = "FILE", requires = "once", conflicts_with_all = ["generations", "threads"])]
    candidate: Option<PathBuf>,
}

const USUAL_LEAST_JOBS: u32 = 200;

impl ServeArgs {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        let service = Service::new(self.options()?)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(CommandError::Runtime)?;
        let ended = runtime.block_on(service.run(|told| println!("{told}")));
        // A training under way is not waited for: it has nothing that would have to be kept.
        runtime.shutdown_background();
        Ok(ended?)
    }

    fn options(&self) -> Result<ServeOptions, CommandError> {
        let candidate = self.candidate.as_deref().map(read_weights).transpose()?;
        let aligned = candidate.map(|weights: Weights| weights.aligned(&layout()));
        let candidate = aligned.transpose().map_err(crate::LearnError::from)?;
        Ok(ServeOptions {
            addresses: self.coordinator.clone(),
            namespace: self.namespace.clone(),
            interval: self.interval,
            jobs: self.jobs,
            plan: Plan {
                tuning: TuneSettings {
                    generations: self.generations,
                    seed: self.seed,
                    threads: self.threads.into(),
                },
                least_jobs: self.least_jobs()? as usize,
                candidate,
            },
            naming: Naming::new(&self.version_prefix)?,
            command: self.command(),
            once: self.once,
        })
    }

    fn least_jobs(&self) -> Result<u32, ServeError> {
        let jobs = self.jobs;
        match self.min_jobs {
            None => Ok(USUAL_LEAST_JOBS.min(jobs)),
            Some(min_jobs) if min_jobs > jobs => Err(ServeError::LeastJobs { min_jobs, jobs }),
            Some(min_jobs) => Ok(min_jobs),
        }
    }

    /// What would do the same again, without what differs from place to place.
    fn command(&self) -> String {
        let Self {
            interval,
            jobs,
            generations,
            seed,
            ..
        } = self;
        match &self.candidate {
            Some(path) => format!("drover-learner serve --once --candidate {}", path.display()),
            None => format!(
                "drover-learner serve --interval {} --jobs {jobs} --generations {generations} --seed {seed}",
                format_duration(*interval)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: ServeArgs,
    }

    fn options(words: &[&str]) -> Result<ServeOptions, String> {
        let line = Line::try_parse_from(["serve"].iter().chain(words));
        let line = line.map_err(|error| error.to_string())?;
        line.args.options().map_err(|error| error.to_string())
    }

    #[test]
    fn the_registry_hears_how_to_have_the_same() {
        let options = options(&["--interval", "90s", "--seed", "7"]).unwrap();
        assert_eq!(
            options.command,
            "drover-learner serve --interval 1m30s --jobs 1000 --generations 12 --seed 7"
        );
        assert_eq!(options.plan.tuning.seed, 7);
        assert_eq!(options.plan.least_jobs, 200);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_flag() {
        for (words, said) in [
            (
                &["--version-prefix", "far too long a name"][..],
                "--version-prefix",
            ),
            (&["--interval", "soon"], "--interval"),
            (&["--jobs", "3"], "--jobs"),
            (
                &["--jobs", "100", "--min-jobs", "101"],
                "--min-jobs is 101, and --jobs only 100",
            ),
            (&["--candidate", "weights"], "--once"),
            (
                &["--once", "--candidate", "weights", "--threads", "2"],
                "--threads",
            ),
            (&["--once", "--candidate", "no/such/file"], "no/such/file"),
        ] {
            let problem = options(words).expect_err(said);
            assert!(problem.contains(said), "{problem}");
        }
        let line = Line::try_parse_from(["serve", "--coordinator", "a b"]).unwrap();
        let problem = line.args.run().unwrap_err().to_string();
        assert!(problem.contains("http://HOST:PORT, not `a b`"), "{problem}");
    }
}
