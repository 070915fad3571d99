use std::path::{Path, PathBuf};

use drover_sim::plot::{LearningCurve, Reference, learning};

use super::{CommandError, error::write};
use crate::{EventFile, LearnError, Record};

/// Where a training tells how it goes: TensorBoard, and a picture.
pub(super) struct Curves {
    events: Option<EventFile>,
    picture: Option<PathBuf>,
    /// Costs by step: mean of a generation of direct search, and what there is on the validation windows.
    mean: Vec<(u64, f64)>,
    validation: Vec<(u64, f64)>,
}

impl Curves {
    pub(super) fn new(
        tensorboard: Option<&Path>,
        picture: Option<PathBuf>,
    ) -> Result<Self, CommandError> {
        let events = tensorboard.map(EventFile::create).transpose();
        Ok(Self {
            events: events.map_err(LearnError::from)?,
            picture,
            mean: Vec::new(),
            validation: Vec::new(),
        })
    }

    /// Writes the picture as it is so far.
    pub(super) fn draw(&self) -> Result<(), CommandError> {
        let Some(path) = self
            .picture
            .as_ref()
            .filter(|_| !self.validation.is_empty())
        else {
            return Ok(());
        };
        let curve = |name: &str, points: &[(u64, f64)]| LearningCurve {
            name: name.to_owned(),
            points: points
                .iter()
                .map(|(generation, cost)| (*generation, cost.exp()))
                .collect(),
        };
        let mut curves = vec![curve("validation windows", &self.validation)];
        if !self.mean.is_empty() {
            curves.push(curve("mean of a generation, fresh windows", &self.mean));
        }
        let rules = Reference {
            name: "best reference rule".to_owned(),
            objective: 1.0,
        };
        let picture = learning("Cost by that of the best reference rule", &curves, &[rules])?;
        write(path, picture.as_bytes())
    }

    pub(super) fn finish(self) -> Result<(), CommandError> {
        self.draw()?;
        match self.events {
            Some(events) => Ok(events.finish().map_err(LearnError::from)?),
            None => Ok(()),
        }
    }
}

impl Record for Curves {
    fn record(&mut self, step: u64, measured: &[(&str, f64)]) {
        if let Some(events) = &mut self.events {
            events.record(step, measured);
        }
        for (name, value) in measured {
            match *name {
                "search/mean_cost" => self.mean.push((step, *value)),
                "validation/cost" => self.validation.push((step, *value)),
                _ => {}
            }
        }
    }
}
