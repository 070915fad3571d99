//! `drover-sim`: the production state machines under virtual time.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Mutex,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use clap::{Args, Parser, Subcommand};
use drover_sim::{
    faults::{
        inject::PlantedBug,
        run::{self, Summary},
        setting::Setting,
        statistics::Statistics,
    },
    random::{Purpose, Random},
    replay,
};

/// Over so many seeds each kind of fault, each crash point and each arrow has to occur [`LEAST`] times.
const FULL_SEEDS: u64 = 10_000;
const LEAST: u64 = 100;

/// Runs Drover's state machines under virtual time.
#[derive(Parser)]
#[command(version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Simulates clusters in which everything goes wrong, and checks what Drover promises.
    Faults(Faults),
    /// Steps what a coordinator has recorded (`--record`) through the model again, and compares what comes out.
    Replay(Replay),
}

#[derive(Args)]
struct Replay {
    /// The record.
    file: PathBuf,
}

#[derive(Args)]
struct Faults {
    /// How many seeds to run.
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    seeds: u64,
    /// The first of them.
    #[arg(
        long,
        value_name = "SEED",
        default_value_t = 1,
        conflicts_with = "random"
    )]
    first: u64,
    /// Other seeds each time. How often what happened is then printed, but not judged.
    #[arg(long)]
    random: bool,
    /// One seed only.
    #[arg(long, value_name = "SEED", conflicts_with_all = ["seeds", "first", "random"])]
    seed: Option<u64>,
    /// Prints the history of that seed.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Plants a mistake, to see that it is found.
    #[arg(long, value_name = "NAME", value_parser = planted)]
    plant: Option<PlantedBug>,
    /// Prints each seed that is run.
    #[arg(long)]
    list: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let CommandLine { command } = CommandLine::parse();
    match command {
        Command::Faults(options) => match options.seed {
            Some(seed) => one(seed, &options),
            None => many(&options),
        },
        Command::Replay(options) => replay_file(&options.file),
    }
}

fn replay_file(path: &Path) -> anyhow::Result<ExitCode> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    silence_panics();
    let replayed = replay::replay(BufReader::new(file))
        .with_context(|| format!("{} does not replay", path.display()))?;
    println!(
        "{} leaderships, {} events, {} turns: identical ({} ended in a panic as recorded, {} in a torn line)",
        replayed.leaderships, replayed.events, replayed.turns, replayed.panics, replayed.torn
    );
    Ok(ExitCode::SUCCESS)
}

fn planted(name: &str) -> Result<PlantedBug, String> {
    PlantedBug::from_name(name).ok_or_else(|| {
        let names: Vec<String> = PlantedBug::ALL.iter().map(ToString::to_string).collect();
        format!("no such mistake; there are {}", names.join(", "))
    })
}

fn one(seed: u64, options: &Faults) -> anyhow::Result<ExitCode> {
    let setting = Setting {
        planted: options.plant,
        trace: options.trace,
        ..Setting::of_seed(seed)
    };
    silence_panics();
    let outcome = run::run(&setting);
    for line in &outcome.history {
        println!("{line}");
    }
    let statistics = &outcome.statistics;
    println!(
        "seed {seed}: digest {:016x}, {} jobs, {} attempts, {} commits, {:.0} s of model time",
        outcome.digest,
        statistics.jobs,
        statistics.attempts,
        statistics.commits,
        statistics.model_ms as f64 / 1_000.0
    );
    match &outcome.violation {
        None => Ok(ExitCode::SUCCESS),
        Some(violation) => {
            println!("{violation}");
            Ok(ExitCode::FAILURE)
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long it takes is not simulated"
)]
fn many(options: &Faults) -> anyhow::Result<ExitCode> {
    let seeds = seeds(options)?;
    let names = match (seeds.first(), options.random) {
        (None, _) => bail!("--seeds must be at least 1"),
        (Some(first), false) => format!("{first} to {}", first + options.seeds - 1),
        (Some(_), true) => {
            let names: Vec<String> = seeds.iter().map(ToString::to_string).collect();
            names.join(" ")
        }
    };
    println!("seeds {names}");
    silence_panics();
    let began = Instant::now();
    let done = Mutex::new(0u64);
    let summary = run::run_all(&seeds, options.plant, |place| {
        let mut done = done
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *done += 1;
        if options.list {
            println!("seed {} done", seeds[place]);
        } else if done.is_multiple_of(1_000) {
            println!("{done} seeds after {:.0} s", began.elapsed().as_secs_f64());
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    Ok(report(&summary, options, seconds))
}

#[expect(clippy::disallowed_methods, reason = "other seeds each time")]
fn seeds(options: &Faults) -> anyhow::Result<Vec<u64>> {
    if !options.random {
        return Ok((options.first..).take(options.seeds as usize).collect());
    }
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock of this host is before 1970")?;
    let mut random = Random::new(since.as_nanos() as u64, Purpose::Setting);
    Ok((0..options.seeds).map(|_| random.below(1 << 48)).collect())
}

/// A world's panic is caught and reported as a broken promise.
fn silence_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}

fn report(summary: &Summary, options: &Faults, seconds: f64) -> ExitCode {
    let statistics = &summary.statistics;
    let seeds = statistics.seeds;
    println!(
        "{seeds} seeds in {seconds:.1} s: {:.1} seeds/s, {:.1} hours of model time, {} jobs, {} attempts, {} events, {} \
         commits, {} loads",
        seeds as f64 / seconds,
        statistics.model_ms as f64 / 3_600_000.0,
        statistics.jobs,
        statistics.attempts,
        statistics.steps,
        statistics.commits,
        statistics.loads
    );
    println!(
        "compared with what a load gives {} times, recomputed {} times",
        statistics.load_checks, statistics.consistency_checks
    );
    if let Some(failed) = &summary.failed {
        let seed = failed.seed;
        if let Some(violation) = &failed.violation {
            println!("seed {seed} {violation}");
        }
        let plant = options.plant.map(|bug| format!(" --plant {bug}"));
        println!(
            "replay: cargo run --release -p drover-sim -- faults --seed {seed} --trace{}",
            plant.unwrap_or_default()
        );
        return ExitCode::FAILURE;
    }
    // With other seeds each time, the rarest would now and then fall short by chance.
    let least = if options.random {
        0
    } else {
        LEAST * seeds / FULL_SEEDS
    };
    print_counts(statistics, least)
}

fn print_counts(statistics: &Statistics, least: u64) -> ExitCode {
    let mut rare = 0;
    for (name, count) in statistics.rows() {
        let mark = if count < least { "  TOO FEW" } else { "" };
        rare += u32::from(count < least);
        println!("{count:>12}  {name}{mark}");
    }
    let surprising = statistics.surprising();
    for (from, to) in &surprising {
        println!("not in the diagram: {from} -> {to}");
    }
    if !surprising.is_empty() {
        return ExitCode::FAILURE;
    }
    if rare > 0 {
        println!("{rare} of these occurred fewer than {least} times");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
