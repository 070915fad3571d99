//! Networks small enough that what they do is known.

use std::sync::Arc;

use drover_model::{
    inference::{Architecture, Form, Weights},
    observation::layout,
    policy::{self, Learned, Policy},
};

/// A rule by name, or `learned(COLUMN=WEIGHT;...)`, which is called `learned`.
pub fn find(text: &str) -> Arc<dyn Policy> {
    let columns = text
        .strip_prefix("learned(")
        .and_then(|text| text.strip_suffix(')'));
    let Some(columns) = columns else {
        return policy::find(text).expect("a policy");
    };
    let columns = columns.split(';').map(|column| {
        let (name, weight) = column.split_once('=').expect("COLUMN=WEIGHT");
        (name, weight.parse().expect("a number"))
    });
    Learned::new("learned", &linear(columns)).expect("columns that are observed")
}

/// Weights of a linear network; columns that are not named have none.
pub fn linear<'a>(columns: impl Iterator<Item = (&'a str, f32)>) -> Weights {
    let architecture = Architecture {
        form: Form::Linear,
        value: None,
    };
    let layout = layout();
    let mut parameters = vec![0.0; layout.candidate().len()];
    for (name, weight) in columns {
        parameters[layout.column(name).expect("a column")] = weight;
    }
    let zero = Weights::zero("tiny", architecture, layout).expect("small");
    zero.with_parameters(&parameters).expect("finite weights")
}
