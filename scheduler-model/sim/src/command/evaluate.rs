//! Policies compared on workloads and logs.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use clap::ValueEnum;

use super::{
    CommandError, ContenderArgs, Progress,
    cell::Cell,
    contenders::age_cap_ms,
    plan::Plan,
    source::{RepeatArgs, SourceArgs},
};
use crate::{
    evaluate::{Contender, Evaluation, Run, metric},
    plot::{self, Bar, SlowdownSeries},
    report,
    simulate::{Options, SimulateError, in_parallel, simulate},
    trace::Skipped,
};

/// Compares policies on made-up workloads or logs.
#[derive(Clone, Debug, clap::Args)]
pub struct EvaluateArgs {
    #[command(flatten)]
    pub contenders: ContenderArgs,
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub repeat: RepeatArgs,
    /// Whom the others are compared with, as NAME or NAME/MODE; by default the first policy
    #[arg(long, value_name = "POLICY")]
    pub baseline: Option<String>,
    /// redecide: the policy decides afresh after every event. rlscheduler: the published protocol of that project, mistakes
    /// included, for SWF logs and fcfs, wfp3, unicep, sjf, f1
    #[arg(long, value_enum, default_value_t)]
    pub protocol: Protocol,
    /// What has waited so many seconds goes before all others; 0: nothing grows old [default: 0]
    #[arg(long, value_name = "SECONDS")]
    pub age_cap_s: Option<u64>,
    /// Spread of true run times around those of the workload: the standard deviation of their logarithm
    /// [default: 0]
    #[arg(long, value_name = "SHARE", value_parser = parse_noise)]
    pub noise: Option<f64>,
    /// Writes objective.md, with J of all policies on all workloads in one table, evaluation.md, evaluation.csv,
    /// evaluation.jsonl and pictures into this folder
    #[arg(long, value_name = "FOLDER")]
    pub output_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    #[default]
    Redecide,
    Rlscheduler,
}

fn parse_noise(text: &str) -> Result<f64, &'static str> {
    let noise = text.parse().ok();
    noise
        .filter(|noise: &f64| (0.0..=5.0).contains(noise))
        .ok_or("must be a number from 0 to 5")
}

/// Runs every policy on every workload. With the lines that were passed over.
///
/// # Errors
/// When a flag or a file makes no sense, or a file cannot be written.
pub fn evaluate(
    args: &EvaluateArgs,
    progress: Progress<'_>,
) -> Result<(Evaluation, Skipped), CommandError> {
    let files = args.source.open()?;
    let plans = args.source.plans(&files)?;
    args.repeat.refuse_unused(&plans)?;
    if let Some(folder) = &args.output_dir {
        // Before what may take an hour.
        check(folder)?;
    }
    let cells: usize = plans.iter().map(Plan::cells).sum();
    let mut skipped = Skipped::default();
    let mut evaluation: Option<Evaluation> = None;
    let mut place = 0;
    for plan in &plans {
        for cell in args.source.cells(plan, &args.repeat, &mut skipped)? {
            let done = |done, all| progress(place * all + done, cells * all);
            args.add(&mut evaluation, &cell, &done)?;
            place += 1;
        }
    }
    let evaluation = evaluation.expect("there is at least one cell");
    if let Some(folder) = &args.output_dir {
        write_tables(folder, &evaluation)?;
    }
    Ok((evaluation, skipped))
}

type Entrant = (Contender, Options);

impl EvaluateArgs {
    fn contenders(&self, cell: &Cell) -> Result<Vec<Entrant>, CommandError> {
        let mut contenders = self.contenders.contenders(cell.mode)?;
        for (_, options) in &mut contenders {
            options.age_cap_ms = age_cap_ms(self.age_cap_s);
            options.noise = self.noise.unwrap_or(0.0);
        }
        Ok(contenders)
    }

    /// Runs a cell, and makes the evaluation with the first.
    fn add(
        &self,
        evaluation: &mut Option<Evaluation>,
        cell: &Cell,
        progress: Progress<'_>,
    ) -> Result<(), CommandError> {
        let contenders = self.contenders(cell)?;
        let names = || contenders.iter().map(|(contender, _)| contender);
        let evaluation = match evaluation {
            Some(evaluation) => evaluation,
            None => evaluation.insert(Evaluation::new(
                names().cloned().collect(),
                self.baseline.as_deref(),
            )?),
        };
        if !names().eq(evaluation.contenders()) {
            return Err(CommandError::Usage(
                "these workloads and files differ in how they are dispatched by default; say it with --dispatch",
            ));
        }
        let (runs, slowdowns) = self.run(cell, &contenders, progress)?;
        evaluation.add(cell.name.clone(), runs)?;
        match &self.output_dir {
            Some(folder) => draw(folder, evaluation, cell, &slowdowns),
            None => Ok(()),
        }
    }

    /// By contender, then by trace. With the slowdowns of each on the first trace, for a picture.
    fn run(
        &self,
        cell: &Cell,
        contenders: &[Entrant],
        progress: Progress<'_>,
    ) -> Result<(Vec<Vec<Run>>, Vec<SlowdownSeries>), CommandError> {
        let mut pairs = Vec::new();
        for entrant in contenders {
            pairs.extend((0..cell.traces.len()).map(|place| (entrant, place)));
        }
        let run = |((contender, options), place): &(&Entrant, usize)| {
            let (seed, trace) = &cell.traces[*place];
            let outcome = simulate(trace, &cell.options(options, *seed))?;
            let runs = cell.runs(*seed, &outcome);
            let series = || SlowdownSeries::of(&contender.to_string(), &outcome, &cell.counted);
            Ok((runs, (*place == 0).then(series)))
        };
        let runs = in_parallel(&pairs, run, |done| progress(done, pairs.len()));
        let runs = runs
            .into_iter()
            .collect::<Result<Vec<_>, SimulateError>>()?;
        let (runs, slowdowns): (Vec<Vec<Run>>, Vec<_>) = runs.into_iter().unzip();
        let by_contender = runs.chunks(cell.traces.len());
        Ok((
            by_contender.map(<[Vec<Run>]>::concat).collect(),
            slowdowns.into_iter().flatten().collect(),
        ))
    }
}

/// J with its intervals, and the distribution of slowdowns in the first run. Names of cells need not differ: the files begin
/// with their places.
fn draw(
    folder: &Path,
    evaluation: &Evaluation,
    cell: &Cell,
    slowdowns: &[SlowdownSeries],
) -> Result<(), CommandError> {
    let evaluated = evaluation.cells().last().expect("just added");
    let objective = metric("objective").expect("a metric");
    let bars = Bar::all(evaluation, evaluated, objective);
    let name = cell
        .name
        .replace(|sign: char| !sign.is_ascii_alphanumeric(), "-");
    let file = format!("{:02}-{name}", evaluation.cells().len());
    let picture = plot::bars(&cell.name, "J (lower is better)", &bars)?;
    write(folder, &format!("{file}-objective.svg"), &picture)?;
    let title = format!("{}: {}", cell.name, cell.traces[0].1.name);
    let picture = plot::slowdown(&title, slowdowns)?;
    write(folder, &format!("{file}-slowdown.svg"), &picture)
}

const OBJECTIVE: &str = "objective.md";

fn write_tables(folder: &Path, evaluation: &Evaluation) -> Result<(), CommandError> {
    write(folder, OBJECTIVE, &report::matrix(evaluation))?;
    write(folder, "evaluation.md", &report::markdown(evaluation))?;
    let rows = |name: &str| {
        let path = folder.join(name);
        let file = File::create(&path);
        let file = file.map_err(|source| CommandError::Write {
            path: path.clone(),
            source,
        });
        file.map(|file| (path, std::io::BufWriter::new(file)))
    };
    let (path, file) = rows("evaluation.csv")?;
    report::write_csv(evaluation, file).map_err(|source| CommandError::Rows { path, source })?;
    let (path, file) = rows("evaluation.jsonl")?;
    report::write_jsonl(evaluation, file).map_err(|source| CommandError::Rows { path, source })
}

/// A file in a folder, which is made if it is missing.
pub(super) fn write(folder: &Path, name: &str, content: &str) -> Result<(), CommandError> {
    let path = folder.join(name);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, content));
    written.map_err(|source| CommandError::Write { path, source })
}

/// Whether the tables can be written to a folder, which is made if it is missing. Leaves what is there as it is.
fn check(folder: &Path) -> Result<(), CommandError> {
    let path = folder.join(OBJECTIVE);
    let mut open = File::options();
    open.append(true).create(true);
    let opened = fs::create_dir_all(folder).and_then(|()| open.open(&path));
    opened
        .map(drop)
        .map_err(|source| CommandError::Write { path, source })
}
