use std::{path::PathBuf, sync::Arc};

use clap::{Args, ValueEnum};
use drover_model::{
    inference::{Architecture, Form, Network, Weights},
    observation::layout,
};

use super::{
    Algorithm, TrainArgs,
    parts::{of_columns, of_context, without},
};
use crate::{
    LearnError, Record,
    command::{
        CommandError,
        error::read_weights,
        values::{parse_column, parse_factor},
    },
    highest,
    imitate::{self, imitate},
    initial_weights,
    simulated::{Curriculum, STARTING_RULE, starting_weights},
};

#[derive(Debug, Args)]
#[command(next_help_heading = "Where a training begins")]
pub(super) struct StartArgs {
    /// What the weights are called
    #[arg(long, value_name = "NAME", default_value = "direct")]
    version_name: String,
    /// What a network is made of
    #[arg(long, value_enum, default_value_t)]
    form: Kind,
    /// Units of each hidden layer, of which a linear network has none but for the value
    #[arg(long, value_name = "NUMBER", default_value_t = 16)]
    hidden: usize,
    /// What it knows already
    #[arg(long, value_enum, default_value_t)]
    start: Start,
    /// The rule to begin with: columns with their weights, as in index/short=0.7,beside=6 [default: one found by hand]
    #[arg(long, value_name = "COLUMN=WEIGHT,...", value_delimiter = ',', value_parser = parse_column)]
    rule: Vec<(String, f32)>,
    /// The weights of that rule are multiplied by it: the higher, the less ppo tries beside what it says; for dqn they are
    /// differences of what choices are worth [default: 1, 4 for ppo, 0.05 for dqn]
    #[arg(long, value_name = "FACTOR", value_parser = parse_factor)]
    sharpness: Option<f32>,
    /// Columns that are not looked at; one that ends in / stands for all that begin like that
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    without: Vec<String>,
    /// Weights to begin with, instead of those of a rule
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rule", "start", "form"])]
    model_path: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A weighted sum of a candidate's features
    #[default]
    Linear,
    /// Beside that, a hidden layer over a candidate's own features
    Alone,
    /// Beside that, what all candidates are like together
    Pooled,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Start {
    /// It ranks as the rule does, by weights in its linear part; what is hidden adds to that
    #[default]
    Rule,
    /// It learns to choose what the rule chooses
    Imitation,
    /// Nothing
    Nothing,
}

impl StartArgs {
    pub(super) fn weights<R: Record>(
        &self,
        training: &TrainArgs,
        curriculum: &Curriculum,
        record: &mut R,
    ) -> Result<Weights, CommandError> {
        let weights = match &self.model_path {
            Some(path) => {
                let aligned = read_weights(path)?.aligned(&layout());
                aligned.map_err(LearnError::from)?
            }
            None => self.fresh(training, curriculum, record)?,
        };
        let weights = weights.with_version(&self.version_name);
        let weights = weights.map_err(LearnError::from)?;
        let weights = match training.algorithm {
            Algorithm::Direct => weights,
            Algorithm::Ppo | Algorithm::Dqn => self.with_value_head(weights, training.seed)?,
        };
        Ok(without(&weights, &self.left_out(&weights)))
    }

    fn fresh<R: Record>(
        &self,
        training: &TrainArgs,
        curriculum: &Curriculum,
        record: &mut R,
    ) -> Result<Weights, LearnError> {
        let (name, seed) = (&self.version_name, training.seed);
        let rule = starting_weights(
            name,
            self.architecture(),
            &self.rule(training.algorithm),
            curriculum,
            seed,
        )?;
        if self.start == Start::Rule {
            return Ok(rule);
        }
        let columns = rule.layout().candidate().len();
        let nothing = without(&rule, &(0..columns).collect::<Vec<_>>());
        if self.start == Start::Nothing {
            return Ok(nothing);
        }
        let settings = imitate::Settings {
            learned: self.learned(&nothing),
            ..imitate::Settings::default()
        };
        let mut stage = training.stage(curriculum.clone());
        let rule = highest(Arc::new(Network::new(&rule)));
        imitate(&nothing, &mut stage, rule, &settings, seed, record)
    }

    fn architecture(&self) -> Architecture {
        let form = match self.form {
            Kind::Linear => Form::Linear,
            Kind::Alone | Kind::Pooled => Form::Pooled {
                embedding: self.hidden,
                context: self.hidden,
                scoring: self.hidden,
            },
        };
        Architecture { form, value: None }
    }

    /// What only training needs.
    fn with_value_head(&self, weights: Weights, seed: u64) -> Result<Weights, LearnError> {
        let architecture = weights.architecture();
        if architecture.value.is_some() {
            return Ok(weights);
        }
        let architecture = Architecture {
            value: Some(self.hidden),
            ..architecture
        };
        let layout = weights.layout().clone();
        let with_head = initial_weights(weights.version(), architecture, layout, seed)?;
        let with_head = with_head.with_normalisation(
            weights.candidate_normalisation().to_vec(),
            weights.global_normalisation().to_vec(),
        )?;
        Ok(with_head.with_parameters(weights.policy_parameters())?)
    }

    fn rule(&self, algorithm: Algorithm) -> Vec<(String, f32)> {
        let sharpness = self.sharpness.unwrap_or(match algorithm {
            Algorithm::Direct => 1.0,
            Algorithm::Ppo => 4.0,
            Algorithm::Dqn => 0.05,
        });
        let usual = STARTING_RULE.map(|(name, weight)| (name.to_owned(), weight));
        let mut rule = match self.rule.is_empty() {
            true => usual.to_vec(),
            false => self.rule.clone(),
        };
        for (_, weight) in &mut rule {
            *weight *= sharpness;
        }
        rule
    }

    /// Places of the parameters that are 0 and stay so.
    pub(super) fn left_out(&self, weights: &Weights) -> Vec<usize> {
        let is_left_out = |column: &str| {
            let mut without = self.without.iter();
            without.any(|name| name == column || name.ends_with('/') && column.starts_with(name))
        };
        let mut places = of_columns(weights, is_left_out);
        if self.form == Kind::Alone {
            places.extend(of_context(weights));
        }
        places
    }

    /// All other places of the parameters that count for scores.
    pub(super) fn learned(&self, weights: &Weights) -> Vec<usize> {
        let left_out = self.left_out(weights);
        let places = 0..weights.policy_parameters().len();
        places.filter(|place| !left_out.contains(place)).collect()
    }
}
