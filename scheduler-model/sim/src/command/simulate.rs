//! One policy on one load.

use std::path::PathBuf;

use drover_model::dispatch::Mode;

use super::{
    CommandError, NodeChange, WhatIf,
    cell::Cell,
    contenders::{age_cap_ms, backfill_order},
    evaluate::write,
    plan::Plan,
    policies,
    source::{FIRST_SEED, RepeatArgs, SourceArgs},
    unused::{DRAWN, refuse_unused},
};
use crate::{
    evaluate::{Contender, Counted, Evaluation, Figures, Run},
    plot::{self, QueueSeries, SlowdownSeries},
    report,
    simulate::{self, Keep, Options, Outcome},
    trace::{Skipped, Trace},
    workload::{
        equal_nodes,
        generator::{Arrivals, Generator},
    },
};

/// Attempts that a Gantt chart shows at most.
const GANTT_ATTEMPTS: usize = 2_000;

/// Runs one policy on a workload, a log, or an exported history.
#[derive(Clone, Debug, clap::Args)]
pub struct SimulateArgs {
    /// Policy (`drover policy list`)
    #[arg(long, value_name = "NAME", default_value = "edf")]
    pub policy: String,
    /// What happens when the first in order fits nowhere: strict, easy or greedy; by default easy, for SWF files strict and for
    /// files of GPU jobs with deadlines or TPC-H queries greedy
    #[arg(long, value_name = "MODE")]
    pub dispatch: Option<Mode>,
    /// Order in which others are tried beside a reservation (--dispatch easy); by default that of the policy
    #[arg(long, value_name = "NAME")]
    pub backfill_order: Option<String>,
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub generator: GeneratorArgs,
    /// Other nodes than the trace has, several times: +2:class=gpu, -1:class=edge, +4:cpu=16,memory=64,speed=2
    #[arg(long, value_name = "CHANGE", allow_hyphen_values = true)]
    pub nodes: Vec<NodeChange>,
    /// Seed of what is made up [default: 1]
    #[arg(long, value_name = "SEED")]
    pub seed: Option<u64>,
    /// What has waited so many seconds goes before all others, as in a coordinator; 0: nothing grows old
    #[arg(long, value_name = "SECONDS", default_value_t = 24 * 60 * 60)]
    pub age_cap_s: u64,
    /// Writes metrics_POLICY.jsonl and .csv, a line for each attempt, and pictures into this folder
    #[arg(long, value_name = "FOLDER")]
    pub output_dir: Option<PathBuf>,
}

/// Flags of independent jobs with uniform sizes and times.
#[derive(Clone, Debug, clap::Args)]
#[group(
    requires = "generate_jobs",
    conflicts_with_all = [
        "workload", "trace", "jobs", "format", "lenient", "processors", "gpus", "days", "arrivals", "moving_ms"
    ]
)]
pub struct GeneratorArgs {
    /// So many independent jobs instead of a workload
    #[arg(long, value_name = "NUMBER")]
    pub generate_jobs: Option<u32>,
    /// Fewest processors of a generated job
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub n_min: u32,
    /// Most processors of a generated job
    #[arg(long, value_name = "NUMBER", default_value_t = 4)]
    pub n_max: u32,
    /// Shortest run time of a generated job, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1)]
    pub p_min: u32,
    /// Longest run time of a generated job, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub p_max: u32,
    /// Generated jobs a second, instead of --load
    #[arg(long, value_name = "RATE", conflicts_with = "load")]
    pub rate: Option<f64>,
    /// All generated jobs are there at the beginning
    #[arg(long, conflicts_with_all = ["rate", "load"])]
    pub at_once: bool,
    /// Deadline of each generated job, by its run time [default: none]
    #[arg(long, value_name = "FACTOR")]
    pub slack: Option<f64>,
    /// Nodes for generated jobs
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    pub hosts: u32,
    /// Cpus of each
    #[arg(long, value_name = "NUMBER", default_value_t = 4)]
    pub host_cpus: u32,
}

/// What came out.
#[derive(Debug)]
pub struct Simulated {
    pub trace: Trace,
    pub outcome: Outcome,
    /// With one policy, for the same tables and files.
    pub evaluation: Evaluation,
    /// Against what was recorded, where that is known.
    pub what_if: Option<WhatIf>,
    pub skipped: Skipped,
    /// What was written.
    pub files: Vec<PathBuf>,
}

/// # Errors
/// When a flag or a file makes no sense, or a file cannot be written.
pub fn simulate(args: &SimulateArgs) -> Result<Simulated, CommandError> {
    let mut skipped = Skipped::default();
    let mut cell = args.cell(&mut skipped)?;
    let seed = args.seed();
    let options = cell.options(&args.options(cell.mode)?, seed);
    let (_, trace) = cell.traces.swap_remove(0);
    let outcome = simulate::simulate(&trace, &options)?;
    let contender = Contender {
        policy: options.policy.name().into(),
        mode: options.mode.to_string().into(),
    };
    let mut evaluation = Evaluation::new(vec![contender], None)?;
    let run = Run {
        seed,
        figures: Figures::counting(&outcome, &cell.counted),
    };
    evaluation.add(trace.name.to_string(), vec![vec![run]])?;
    let files = match &args.output_dir {
        Some(folder) => args.write(folder, &trace, &outcome, &cell.counted)?,
        None => Vec::new(),
    };
    Ok(Simulated {
        what_if: WhatIf::of(&trace, &outcome),
        trace,
        outcome,
        evaluation,
        skipped,
        files,
    })
}

impl SimulateArgs {
    fn seed(&self) -> u64 {
        self.seed.unwrap_or(FIRST_SEED)
    }

    /// `usual`: how the load is dispatched where nobody says.
    fn options(&self, usual: Mode) -> Result<Options, CommandError> {
        let mode = self.dispatch.unwrap_or(usual);
        Ok(Options {
            backfill: backfill_order(self.backfill_order.as_deref(), &[mode])?,
            age_cap_ms: age_cap_ms(Some(self.age_cap_s)),
            keep: Keep {
                attempts: self.output_dir.is_some(),
                queue: self.output_dir.is_some(),
            },
            ..Options::new(policies::find(&self.policy)?, mode)
        })
    }

    /// What is to be run, and how it is dispatched, for `--execute` as well.
    ///
    /// # Errors
    /// When a flag or a file makes no sense.
    pub fn load(&self) -> Result<(Trace, Mode), CommandError> {
        let mut cell = self.cell(&mut Skipped::default())?;
        let trace = cell.traces.swap_remove(0).1;
        Ok((trace, self.dispatch.unwrap_or(cell.mode)))
    }

    /// With one trace.
    fn cell(&self, skipped: &mut Skipped) -> Result<Cell, CommandError> {
        let mut cell = match self.generator.generate_jobs {
            Some(jobs) => self.generated(jobs)?,
            None => self.sourced(skipped)?,
        };
        for change in &self.nodes {
            change.apply(&mut cell.traces[0].1.nodes)?;
        }
        Ok(cell)
    }

    fn generated(&self, jobs: u32) -> Result<Cell, CommandError> {
        let seed = self.seed();
        let load = self.source.only_load()?;
        let trace = self.generator.generate(jobs, seed, load)?;
        Ok(Cell::new(trace.name.to_string(), vec![(seed, trace)]))
    }

    fn sourced(&self, skipped: &mut Skipped) -> Result<Cell, CommandError> {
        let files = self.source.open()?;
        let plans = self.source.plans(&files)?;
        if plans.iter().map(Plan::cells).sum::<usize>() != 1 {
            return Err(CommandError::Usage(
                "one workload at one load, or one file, is simulated at a time; `drover evaluate` takes several",
            ));
        }
        let is_drawn = plans[0].is_drawn();
        refuse_unused("--seed", self.seed.is_some(), is_drawn, DRAWN)?;
        let repeat = RepeatArgs::once(self.seed());
        let mut cells = self.source.cells(&plans[0], &repeat, skipped)?;
        Ok(cells.swap_remove(0))
    }

    fn write(
        &self,
        folder: &std::path::Path,
        trace: &Trace,
        outcome: &Outcome,
        counted: &Counted,
    ) -> Result<Vec<PathBuf>, CommandError> {
        let mut files = report::write_artifacts(outcome, &self.policy, folder)?.to_vec();
        let title = format!("{}, {}", trace.name, self.policy);
        let series = [SlowdownSeries::of(&self.policy, outcome, counted)];
        let queue = [QueueSeries {
            name: &self.policy,
            samples: &outcome.queue,
        }];
        for (name, picture) in [
            ("gantt.svg", plot::gantt(&title, outcome, GANTT_ATTEMPTS)),
            ("slowdown.svg", plot::slowdown(&title, &series)),
            ("queue.svg", plot::queue(&title, &queue)),
        ] {
            write(folder, name, &picture?)?;
            files.push(folder.join(name));
        }
        Ok(files)
    }
}

impl GeneratorArgs {
    fn generate(&self, jobs: u32, seed: u64, load: f64) -> Result<Trace, CommandError> {
        let generator = Generator {
            jobs,
            processors: self.n_min..=self.n_max,
            seconds: self.p_min..=self.p_max,
            arrivals: match self.rate {
                _ if self.at_once => Arrivals::AtOnce,
                Some(rate) => Arrivals::PerSecond(rate),
                None => Arrivals::Load(load),
            },
            slack: self.slack,
            seed,
        };
        Ok(generator.generate(equal_nodes(self.hosts, self.host_cpus))?)
    }
}
