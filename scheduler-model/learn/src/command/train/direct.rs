use clap::Args;
use drover_model::inference::{Weights, WeightsError};

use super::{TrainArgs, training::Training};
use crate::{
    Checkpoint, LearnError,
    command::CommandError,
    direct::{DirectSearch, Method, Settings},
    simulated::SEARCHED,
};

#[derive(Debug, Args)]
#[command(next_help_heading = "Direct search")]
pub(super) struct DirectArgs {
    /// Generations of the search
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    generations: u64,
    /// Vectors of weights in a generation
    #[arg(long, value_name = "NUMBER", default_value_t = 12)]
    population: usize,
    /// Simulated windows that each of them meets, fresh ones in each generation
    #[arg(long, value_name = "NUMBER", default_value_t = 16)]
    windows: usize,
    /// Standard deviation of the weights when the search begins
    #[arg(long, value_name = "SIGMA", default_value_t = 0.15)]
    deviation: f64,
    /// Columns whose weights are searched; the others stay as they are; `all` are all [default: some that matter most]
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    search: Vec<String>,
}

impl TrainArgs {
    pub(super) fn search(
        &self,
        weights: &Weights,
        checkpoint: Option<&Checkpoint>,
    ) -> Result<Training, CommandError> {
        let settings = Settings {
            method: Method::Covariance,
            population: self.direct.population,
            windows: self.direct.windows,
            searched: self.searched(weights)?,
            deviation: self.direct.deviation,
            validation_windows: self.validation_windows as usize,
            validate_every: self.validate_every,
            threads: self.threads as usize,
        };
        let search = match checkpoint {
            Some(checkpoint) => DirectSearch::resume(checkpoint.clone(), settings)?,
            None => DirectSearch::new(weights, settings, self.seed)?,
        };
        Ok(Training::Direct {
            search: Box::new(search),
            length: self.direct.generations,
        })
    }

    fn searched(&self, weights: &Weights) -> Result<Vec<usize>, LearnError> {
        let layout = weights.layout();
        let mut names = self.direct.search.clone();
        match &names[..] {
            [] => names = SEARCHED.map(str::to_owned).to_vec(),
            [all] if all == "all" => names = layout.candidate().to_vec(),
            _ => {}
        }
        let column = |name: &String| {
            let column = layout.column(name);
            column.ok_or_else(|| WeightsError::UnknownFeature(name.clone()))
        };
        let columns = names.iter().map(column);
        let mut columns = columns.collect::<Result<Vec<usize>, _>>()?;
        let left_out = self.start.left_out(weights);
        columns.retain(|column| !left_out.contains(column));
        Ok(columns)
    }
}
