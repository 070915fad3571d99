mod direct;
mod gradient;
mod logs;
mod parts;
mod start;
mod training;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use clap::{Args, Parser, ValueEnum};
use drover_model::{
    dispatch::Mode,
    inference::{Network, Weights},
};

pub(super) use self::training::Training;
use self::{direct::DirectArgs, gradient::GradientArgs, logs::LogArgs, start::StartArgs};
use super::{
    CommandError,
    curves::Curves,
    error::{read, write},
    progress::progress,
    values::{Span, parse_family},
};
use crate::{
    Checkpoint, LearnError, Record,
    simulated::{Curriculum, Measure, SimulatedCost},
};

/// Finds weights that make the objective small under simulated loads.
#[derive(Debug, Args)]
pub(super) struct TrainArgs {
    /// How weights are found
    #[arg(long, value_enum, default_value_t)]
    pub(super) algorithm: Algorithm,
    /// Windows on which the best is chosen, always the same
    #[arg(long, value_name = "NUMBER", default_value_t = 48, value_parser = at_least_1())]
    validation_windows: u64,
    /// Generations, or updates of 16 episodes, between two looks at these
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    validate_every: u64,
    /// Of everything that is random: equal seeds give equal weights
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Simulations at once
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = at_least_1())]
    threads: u64,
    /// What is made small, against strong rules on the same jobs; ppo and dqn know the objective only
    #[arg(long, value_enum, default_value_t)]
    cost: Measure,
    /// Mode of dispatch that the policy is for; of several with commas each window has one
    #[arg(
        long,
        value_name = "MODE,...",
        value_delimiter = ',',
        default_value = "easy"
    )]
    dispatch: Vec<Mode>,
    /// Families of workloads with how often each is drawn, as in dag=3,bursty=4 [default: none beside logs, else the six families
    /// and lublin]
    #[arg(long, value_name = "NAME=WEIGHT,...", value_delimiter = ',', value_parser = parse_family)]
    workload: Vec<(&'static str, u64)>,
    #[command(flatten)]
    logs: LogArgs,
    /// Offered loads of families, from and to [default: 0.65-1.25]
    #[arg(long, value_name = "FROM-TO")]
    load: Option<Span>,
    /// Jobs of a window, from and to
    #[arg(long, value_name = "FROM-TO", default_value = "300-1500")]
    jobs: Span,
    /// A checkpoint to go on from, with the flags that it was made with
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["seed", "version_name", "rule", "model_path", "start"]
    )]
    resume: Option<PathBuf>,
    /// Where the weights go; a checkpoint is kept beside them
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Other windows on which the weights are simulated in the end, beside strong rules
    #[arg(long, value_name = "NUMBER", default_value_t = 60)]
    simulate: u64,
    /// Folder of curves for TensorBoard
    #[arg(long, value_name = "FOLDER")]
    tensorboard: Option<PathBuf>,
    /// An SVG picture of the learning curve
    #[arg(long, value_name = "FILE")]
    curve: Option<PathBuf>,
    #[command(flatten)]
    start: StartArgs,
    #[command(flatten)]
    direct: DirectArgs,
    #[command(flatten)]
    gradient: GradientArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Algorithm {
    /// Evolution on the objective itself (CMA-ES), of the weights of columns
    #[default]
    Direct,
    /// Proximal policy optimisation, of the whole network
    Ppo,
    /// Double deep Q-learning, of the whole network
    Dqn,
}

/// `train`, without the words before its flags.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct Flags {
    #[command(flatten)]
    train: Box<TrainArgs>,
}

fn at_least_1() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=100_000)
}

impl TrainArgs {
    pub(super) fn from_flags(flags: Vec<String>) -> Result<Box<Self>, clap::Error> {
        Ok(Flags::try_parse_from(flags)?.train)
    }

    pub(super) fn run(&self) -> Result<(), CommandError> {
        let curriculum = self.curriculum()?;
        let mut curves = Curves::new(self.tensorboard.as_deref(), self.curve.clone())?;
        let mut training = self.begin(&curriculum, &mut curves)?;
        let cost = self.objective(curriculum);
        self.keep(&training)?;
        let bar = progress(training.length());
        while training.steps() < training.length() {
            bar.set_position(training.steps());
            let message = training.step(&cost, &mut curves)?;
            if bar.is_hidden() {
                eprintln!("step {}: {message}", training.steps());
            }
            bar.set_message(message);
            self.keep(&training)?;
            curves.draw()?;
        }
        bar.finish();
        curves.finish()?;
        self.tell(training.weights(), &cost);
        Ok(())
    }

    /// Reads the logs.
    pub(super) fn curriculum(&self) -> Result<Curriculum, CommandError> {
        let logs = self.logs.read()?;
        let usual = Curriculum::default();
        let families = match (&self.workload[..], &logs[..]) {
            ([], []) => usual.families,
            (families, _) => families.to_vec(),
        };
        if families.is_empty() && self.load.is_some() {
            return Err(CommandError::LoadOfLogs);
        }
        Ok(Curriculum {
            families,
            logs,
            load: self.load.map_or(usual.load, |Span(from, to)| (from, to)),
            jobs: (self.jobs.0, self.jobs.1),
            modes: self.dispatch.clone(),
        })
    }

    pub(super) fn objective(&self, curriculum: Curriculum) -> SimulatedCost {
        SimulatedCost::new(curriculum, self.cost)
    }

    pub(super) fn begin<R: Record>(
        &self,
        curriculum: &Curriculum,
        record: &mut R,
    ) -> Result<Training, CommandError> {
        if self.algorithm != Algorithm::Direct && self.cost != Measure::Objective {
            return Err(CommandError::OnlyObjective);
        }
        let checkpoint = match &self.resume {
            Some(path) => Some(Checkpoint::from_bytes(&read(path)?)?),
            None => None,
        };
        let weights = match &checkpoint {
            Some(checkpoint) => checkpoint.weights.clone(),
            None => self.start.weights(self, curriculum, record)?,
        };
        match self.algorithm {
            Algorithm::Direct => self.search(&weights, checkpoint.as_ref()),
            Algorithm::Ppo => self.ppo(&weights, curriculum, checkpoint.as_ref()),
            Algorithm::Dqn => self.dqn(&weights, curriculum, checkpoint.as_ref()),
        }
    }

    fn keep(&self, training: &Training) -> Result<(), CommandError> {
        let weights = training.weights().to_bytes().map_err(LearnError::from)?;
        write(&self.output, &weights)?;
        let checkpoint = training.checkpoint()?.to_bytes()?;
        write(&self.output.with_extension("checkpoint"), &checkpoint)
    }

    /// How the best stands to the references, by family or log.
    fn tell(&self, weights: &Weights, cost: &SimulatedCost) {
        let network = Network::new(weights);
        let mut families = BTreeMap::<Arc<str>, Vec<f64>>::new();
        for seed in (FIRST_TOLD..).take(self.simulate as usize) {
            let (family, ratio) = cost.detail(&network, seed);
            families.entry(family).or_default().push(ratio);
        }
        for (family, ratios) in families {
            let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
            println!(
                "{family}: ln(cost / that of the best reference) {mean:.4} over {} windows",
                ratios.len()
            );
        }
    }
}

/// The first of the windows of the report at the end.
const FIRST_TOLD: u64 = 1_000;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const SMALL: &str = "--jobs 40-50 --load 1.2 --episodes 48 --generations 3 --windows 2 --population 4 \
                         --validation-windows 2 --validate-every 2 --output none --workload heavy-tail,dag";

    fn parse(flags: &str) -> Box<TrainArgs> {
        let flags = format!("{SMALL} {flags}");
        TrainArgs::from_flags(flags.split_whitespace().map(str::to_owned).collect()).unwrap()
    }

    fn begin(args: &TrainArgs) -> Result<Training, CommandError> {
        args.begin(&args.curriculum()?, &mut ())
    }

    fn step(training: &mut Training, args: &TrainArgs) {
        let objective = args.objective(args.curriculum().unwrap());
        training.step(&objective, &mut ()).unwrap();
    }

    fn resumed(training: &Training, flags: &str, folder: &Path) -> Training {
        let path = folder.join("some.checkpoint");
        let bytes = training.checkpoint().unwrap().to_bytes().unwrap();
        std::fs::write(&path, bytes).unwrap();
        let args = parse(&format!("{flags} --resume {}", path.display()));
        begin(&args).unwrap()
    }

    #[test]
    fn trainings_end_and_go_on_as_if_they_had_not_been_interrupted() {
        let folder = tempfile::tempdir().unwrap();
        for flags in ["--algorithm direct", "--algorithm ppo"] {
            let args = parse(&format!("{flags} --threads 1"));
            let mut training = begin(&args).unwrap();
            step(&mut training, &args);
            let mut resumed = resumed(&training, &format!("{flags} --threads 3"), folder.path());
            while training.steps() < training.length() {
                step(&mut training, &args);
                step(&mut resumed, &args);
            }
            assert_eq!((training.steps(), training.length()), (3, 3), "{flags}");
            assert_eq!(
                resumed.checkpoint().unwrap(),
                training.checkpoint().unwrap(),
                "{flags}"
            );
        }
    }

    #[test]
    fn q_learning_moves_all_that_it_may_and_nothing_else() {
        let args = parse("--algorithm dqn --form pooled --hidden 4 --without rank/");
        let mut training = begin(&args).unwrap();
        let before = training.checkpoint().unwrap().weights;
        step(&mut training, &args);
        let after = training.checkpoint().unwrap().weights;
        let rank = after.layout().column("rank/saf").unwrap();
        let width = after.layout().column("log_width").unwrap();
        let weight = |weights: &Weights, column: usize| weights.policy_parameters()[column];
        assert_ne!(weight(&before, width), weight(&after, width));
        assert_eq!(weight(&after, rank), 0.0);
    }

    #[test]
    fn a_search_goes_on_from_a_network_of_ppo() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.safetensors");
        let args = parse("--algorithm ppo --form pooled --hidden 4");
        let mut training = begin(&args).unwrap();
        step(&mut training, &args);
        let before = training.weights().clone();
        std::fs::write(&path, before.to_bytes().unwrap()).unwrap();
        let args = parse(&format!(
            "--model-path {} --version-name next",
            path.display()
        ));
        let mut search = begin(&args).unwrap();
        for _ in 0..2 {
            step(&mut search, &args);
        }
        let after = search.weights();
        assert_eq!(after.version(), "next");
        assert_eq!(after.architecture(), before.architecture());
        let hidden = |weights: &Weights| weights.tensor("score.weight").unwrap().to_vec();
        assert_eq!(hidden(after), hidden(&before));
    }

    #[test]
    fn other_costs_than_the_objective_are_for_direct_search() {
        let refused = begin(&parse("--algorithm ppo --cost misses"));
        assert!(matches!(refused, Err(CommandError::OnlyObjective)));
    }

    #[test]
    fn a_log_is_trained_on_alone_or_beside_families() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.swf");
        // Number, submission, wait, run time, processors; requested processors and time; status, user.
        let job = |it: u64| {
            format!(
                "{it} {} 0 {} 2 -1 -1 2 60 -1 1 1 -1 -1 -1 -1 -1 -1\n",
                it * 20,
                20 + it % 7
            )
        };
        let lines: String = (1..=60).map(job).collect();
        std::fs::write(&path, format!("; MaxProcs: 4\n{lines}")).unwrap();
        let log = path.display().to_string();
        let curriculum = |flags: &[&str]| {
            let flags = [&["--output=none", "--jobs=20"], flags].concat();
            let args = TrainArgs::from_flags(flags.into_iter().map(str::to_owned).collect());
            args.unwrap().curriculum()
        };
        let alone = curriculum(&["--trace", &log]).unwrap();
        assert_eq!((alone.families.len(), alone.logs.len()), (0, 1));
        assert_eq!(alone.draw(3).trace.jobs.len(), 20);
        let beside = curriculum(&["--trace", &log, "--workload", "dag=2"]).unwrap();
        assert_eq!(beside.families, [("dag", 2)]);
        let missing = curriculum(&["--trace", "nowhere.swf"]).unwrap_err();
        assert!(missing.to_string().contains("nowhere.swf"), "{missing}");
        let own_load = curriculum(&["--trace", &log, "--load", "0.9"]).unwrap_err();
        assert!(matches!(own_load, CommandError::LoadOfLogs), "{own_load}");
        let no_pool = curriculum(&["--trace", &log, "--gpus", "64"]).unwrap_err();
        assert!(no_pool.to_string().contains("--gpus"), "{no_pool}");
    }
}
