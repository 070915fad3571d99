use std::path::PathBuf;

use clap::{Args, ValueEnum};
use drover_model::{
    dispatch::Mode,
    inference::{Architecture, Form, Network, WeightsError},
    observation::layout,
};

use super::{
    CommandError,
    curves::Curves,
    error::{read, read_weights, write},
    progress::progress,
    values::{Span, parse_column, parse_family},
};
use crate::{
    Checkpoint, LearnError,
    direct::{DirectSearch, Method, Settings},
    simulated::{Curriculum, Measure, SEARCHED, STARTING_RULE, SimulatedCost, starting_weights},
};

/// Searches weights that make the objective small under simulated loads.
#[derive(Debug, Args)]
pub(super) struct TrainArgs {
    /// How weights are found
    #[arg(long, value_enum, default_value_t)]
    algorithm: Algorithm,
    /// Generations of the search
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    generations: u64,
    /// Vectors of weights in a generation
    #[arg(long, value_name = "NUMBER", default_value_t = 12)]
    population: usize,
    /// Simulated windows that each of them meets, fresh ones in each generation
    #[arg(long, value_name = "NUMBER", default_value_t = 16)]
    windows: usize,
    /// Windows on which the best is chosen, always the same
    #[arg(long, value_name = "NUMBER", default_value_t = 48)]
    validation_windows: usize,
    /// Generations between two looks at these
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    validate_every: u64,
    /// Standard deviation of the weights when the search begins
    #[arg(long, value_name = "SIGMA", default_value_t = 0.15)]
    deviation: f64,
    /// Of everything that is random: equal seeds give equal weights
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Simulations at once
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    threads: usize,
    /// What is made small, against strong rules on the same jobs
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
    /// Families of workloads with how often each is drawn, as in dag=3,bursty=4 [default: the six families and lublin]
    #[arg(long, value_name = "NAME=WEIGHT,...", value_delimiter = ',', value_parser = parse_family)]
    workload: Vec<(&'static str, u64)>,
    /// Offered loads, from and to
    #[arg(long, value_name = "FROM-TO", default_value = "0.65-1.25")]
    load: Span,
    /// Jobs of a window, from and to
    #[arg(long, value_name = "FROM-TO", default_value = "300-1500")]
    jobs: Span,
    /// What the weights are called
    #[arg(long, value_name = "NAME", default_value = "direct")]
    version_name: String,
    /// The rule to begin with: columns with their weights, as in index/short=0.7,beside=6 [default: one found by hand]
    #[arg(long, value_name = "COLUMN=WEIGHT,...", value_delimiter = ',', value_parser = parse_column)]
    rule: Vec<(String, f32)>,
    /// Columns whose weights are searched; the others stay as they are; `all` are all [default: some that matter most]
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    search: Vec<String>,
    /// Weights to begin with, instead of those of a rule
    #[arg(long, value_name = "FILE", conflicts_with = "rule")]
    model_path: Option<PathBuf>,
    /// A checkpoint to go on from
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["seed", "version_name", "rule", "model_path"]
    )]
    resume: Option<PathBuf>,
    /// Where the weights go; a checkpoint is kept beside them
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Folder of curves for TensorBoard
    #[arg(long, value_name = "FOLDER")]
    tensorboard: Option<PathBuf>,
    /// An SVG picture of the learning curve
    #[arg(long, value_name = "FILE")]
    curve: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Algorithm {
    /// Evolution of a linear network on the objective itself (CMA-ES)
    #[default]
    Direct,
}

impl TrainArgs {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        let curriculum = self.curriculum();
        let mut search = self.begin(&curriculum)?;
        let cost = SimulatedCost::new(curriculum, Mode::Easy);
        let cost = cost.measuring(self.cost).in_modes(&self.dispatch);
        let mut curves = Curves::new(self.tensorboard.as_deref(), self.curve.clone())?;
        self.keep(&search)?;
        let bar = progress(self.generations);
        while search.generations() < self.generations {
            bar.set_position(search.generations());
            let mean = search.generation(&cost, &mut curves)?;
            let best = search.best_cost().unwrap_or(f64::NAN);
            let message = format!("cost {mean:.4}, best {best:.4}");
            if bar.is_hidden() {
                eprintln!("generation {}: {message}", search.generations());
            }
            bar.set_message(message);
            self.keep(&search)?;
            curves.draw()?;
        }
        bar.finish();
        curves.finish()?;
        self.tell(&search, &cost)
    }

    fn curriculum(&self) -> Curriculum {
        let usual = Curriculum::default();
        Curriculum {
            families: match self.workload.is_empty() {
                true => usual.families,
                false => self.workload.clone(),
            },
            load: (self.load.0, self.load.1),
            jobs: (self.jobs.0, self.jobs.1),
        }
    }

    fn begin(&self, curriculum: &Curriculum) -> Result<DirectSearch, CommandError> {
        let Algorithm::Direct = self.algorithm;
        let settings = Settings {
            method: Method::Covariance,
            population: self.population,
            windows: self.windows,
            searched: self.searched()?,
            deviation: self.deviation,
            validation_windows: self.validation_windows,
            validate_every: self.validate_every,
            threads: self.threads,
        };
        if let Some(path) = &self.resume {
            let checkpoint = Checkpoint::from_bytes(&read(path)?)?;
            return Ok(DirectSearch::resume(checkpoint, settings)?);
        }
        let weights = match &self.model_path {
            Some(path) => {
                let weights = read_weights(path)?;
                let aligned = weights.aligned(&layout());
                aligned.map_err(LearnError::from)?
            }
            None => {
                let architecture = Architecture {
                    form: Form::Linear,
                    value: None,
                };
                starting_weights(
                    &self.version_name,
                    architecture,
                    &self.rule(),
                    curriculum,
                    WATCHED_WINDOWS,
                )?
            }
        };
        let weights = weights.with_version(&self.version_name);
        Ok(DirectSearch::new(
            &weights.map_err(LearnError::from)?,
            settings,
            self.seed,
        )?)
    }

    fn rule(&self) -> Vec<(String, f32)> {
        if !self.rule.is_empty() {
            return self.rule.clone();
        }
        let usual = STARTING_RULE.iter();
        usual
            .map(|(name, weight)| ((*name).to_owned(), *weight))
            .collect()
    }

    fn searched(&self) -> Result<Vec<usize>, LearnError> {
        let layout = layout();
        let mut names = self.search.clone();
        match &names[..] {
            [] => names = SEARCHED.map(str::to_owned).to_vec(),
            [all] if all == "all" => names = layout.candidate().to_vec(),
            _ => {}
        }
        let column = |name: &String| {
            let column = layout.column(name);
            column.ok_or_else(|| WeightsError::UnknownFeature(name.clone()).into())
        };
        names.iter().map(column).collect()
    }

    fn keep(&self, search: &DirectSearch) -> Result<(), CommandError> {
        let weights = search.weights().to_bytes().map_err(LearnError::from)?;
        write(&self.output, &weights)?;
        let checkpoint = search.checkpoint().to_bytes()?;
        write(&self.output.with_extension("checkpoint"), &checkpoint)
    }

    /// How the best stands to the references, family by family.
    fn tell(&self, search: &DirectSearch, cost: &SimulatedCost) -> Result<(), CommandError> {
        let network = Network::new(search.weights());
        let mut families = std::collections::BTreeMap::<&str, Vec<f64>>::new();
        for seed in TOLD_SEEDS {
            let (family, _, ratio) = cost.detail(&network, seed);
            families.entry(family).or_default().push(ratio);
        }
        for (family, ratios) in families {
            let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
            println!(
                "{family}: ln(cost / that of the best reference) {mean:.4} over {} windows",
                ratios.len()
            );
        }
        Ok(())
    }
}

/// For the scales of features.
const WATCHED_WINDOWS: u64 = 24;

/// Windows of the report at the end.
const TOLD_SEEDS: std::ops::Range<u64> = 1_000..1_060;
