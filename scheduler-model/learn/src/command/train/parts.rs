//! Parts of a network.

use std::ops::Range;

use drover_model::inference::Weights;

/// Places of the parameters that come from these columns of candidates. Those of `skip.weight` are the columns themselves.
pub(super) fn of_columns(weights: &Weights, is_one: impl Fn(&str) -> bool) -> Vec<usize> {
    let names = weights.layout().candidate().iter().enumerate();
    let columns: Vec<usize> = names
        .filter(|(_, name)| is_one(name))
        .map(|(column, _)| column)
        .collect();
    let mut places = Vec::new();
    for (name, range, width) in tensors(weights) {
        if ["skip.weight", "embedding.weight"].contains(&name) {
            let row =
                |column: &usize| range.start + column * width..range.start + (column + 1) * width;
            places.extend(columns.iter().flat_map(row));
        }
    }
    places
}

/// Places of what tells a candidate's score of the others. Empty where nothing does.
pub(super) fn of_context(weights: &Weights) -> Vec<usize> {
    let tensors = tensors(weights).into_iter();
    let context = tensors.filter(|(name, ..)| *name == "scoring.context");
    context.flat_map(|(_, range, _)| range).collect()
}

/// Name, places and row length of each.
fn tensors(weights: &Weights) -> Vec<(&'static str, Range<usize>, usize)> {
    let mut start = 0;
    let tensors = weights.tensors().into_iter();
    let tensors = tensors.map(|tensor| {
        let range = start..start + tensor.size();
        start = range.end;
        let width = if tensor.shape.len() == 2 {
            tensor.shape[1]
        } else {
            1
        };
        (tensor.name, range, width)
    });
    tensors.collect()
}

/// The same network with 0 at these places.
pub(super) fn without(weights: &Weights, places: &[usize]) -> Weights {
    let mut parameters = weights.parameters().to_vec();
    for place in places {
        parameters[*place] = 0.0;
    }
    let changed = weights.clone().with_parameters(&parameters);
    changed.expect("as many parameters, all finite")
}

#[cfg(test)]
mod tests {
    use drover_model::inference::{Architecture, Form, Layout, Network, Window};

    use super::*;
    use crate::initial_weights;

    /// Random throughout.
    fn weights() -> Weights {
        let architecture = Architecture {
            form: Form::Pooled {
                embedding: 6,
                context: 4,
                scoring: 5,
            },
            value: None,
        };
        let layout = Layout::new(["width", "rank/saf", "slack"], ["load"]).unwrap();
        let weights = initial_weights("some", architecture, layout, 3).unwrap();
        let parameters = weights.parameters().iter().enumerate();
        let parameters: Vec<f32> = parameters
            .map(|(place, value)| value + 0.1 * (1.0 + place as f32).sin())
            .collect();
        weights.with_parameters(&parameters).unwrap()
    }

    /// Of the first of two candidates.
    fn score(weights: &Weights, candidates: &[f32; 6]) -> f32 {
        let window = Window {
            candidates,
            globals: &[0.7],
            eligible: &[true; 2],
        };
        let mut scores = [0.0; 2];
        Network::new(weights).score(&window, &mut Default::default(), &mut scores);
        scores[0]
    }

    #[test]
    fn a_column_left_out_changes_nothing_any_more() {
        let weights = weights();
        let cut = without(&weights, &of_columns(&weights, |name| name == "rank/saf"));
        let (low, high) = (
            [1.0, 0.0, 2.0, 0.0, 0.0, 1.0],
            [1.0, 5.0, 2.0, 0.0, 0.0, 1.0],
        );
        assert_ne!(score(&weights, &low), score(&weights, &high));
        assert_eq!(score(&cut, &low), score(&cut, &high));
        let other = [1.5, 0.0, 2.0, 0.0, 0.0, 1.0];
        assert_ne!(score(&cut, &low), score(&cut, &other));
    }

    #[test]
    fn without_context_others_do_not_matter() {
        let weights = weights();
        let cut = without(&weights, &of_context(&weights));
        let (few, many) = (
            [1.0, 0.0, 2.0, 0.0, 0.0, 1.0],
            [1.0, 0.0, 2.0, 9.0, 9.0, 9.0],
        );
        assert_ne!(score(&weights, &few), score(&weights, &many));
        assert_eq!(score(&cut, &few), score(&cut, &many));
    }
}
