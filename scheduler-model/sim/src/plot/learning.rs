//! How J changes while a policy learns.

use super::{
    PlotError,
    canvas::Look,
    lines::{Line, Lines},
    scale::around,
    style::SOFT_TEXT,
};

/// Above so many points, dots would be a line.
const DOTTED: usize = 60;

/// One training run or workload.
#[derive(Clone, Debug, PartialEq)]
pub struct LearningCurve {
    pub name: String,
    /// Iteration, and J evaluated after it; ascending.
    pub points: Vec<(u64, f64)>,
}

/// What does not learn, as a dashed line across.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    pub name: String,
    pub objective: f64,
}

/// Evaluated J against iterations, with rules to compare it with.
pub fn learning(
    title: &str,
    curves: &[LearningCurve],
    references: &[Reference],
) -> Result<String, PlotError> {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let Some(last) = points().map(|(iteration, _)| *iteration).max() else {
        return Err(PlotError::Nothing {
            title: title.to_owned(),
            remedy: "train for at least one iteration",
        });
    };
    let last = last.max(1) as f64;
    let values = points().map(|(_, objective)| *objective);
    let rules = references.iter().map(|reference| reference.objective);
    let drawn = Lines {
        title,
        subtitle: "Evaluated on workloads that are not trained on; lower is better",
        x_title: "iterations".to_owned(),
        y_title: "cost".to_owned(),
        x: 0.0..last,
        y: around(values.chain(rules)),
        logarithmic: false,
        lines: lines(curves, references, last),
    };
    drawn.draw()
}

fn lines(curves: &[LearningCurve], references: &[Reference], last: f64) -> Vec<Line> {
    let learned = curves.iter().enumerate().map(|(place, curve)| Line {
        name: curve.name.clone(),
        look: Look::of(place),
        dots: curve.points.len() <= DOTTED,
        points: curve
            .points
            .iter()
            .map(|(iteration, objective)| (*iteration as f64, *objective))
            .collect(),
    });
    let rules = references
        .iter()
        .enumerate()
        .map(|(place, reference)| Line {
            name: reference.name.clone(),
            look: Look {
                colour: SOFT_TEXT,
                // Each with dashes of its own length.
                dash: Some((4 + 6 * place as i32, 5)),
            },
            points: vec![(0.0, reference.objective), (last, reference.objective)],
            dots: false,
        });
    learned.chain(rules).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_for_each_run_and_a_line_for_each_rule() {
        let curves = ["ppo, bursty", "dqn, bursty"].map(|name| LearningCurve {
            name: name.to_owned(),
            points: (0..20)
                .map(|step| (step * 10, 20.0 - step as f64 / 2.0))
                .collect(),
        });
        let rule = Reference {
            name: "saf".to_owned(),
            objective: 12.0,
        };
        let document = learning("Learning", &curves, &[rule]).expect("it can be drawn");
        assert_eq!(document.matches("<circle").count(), 40);
        assert!(document.contains("dqn, bursty") && document.contains("\nsaf\n"));
        assert!(learning("Learning", &[], &[]).is_err());
    }
}
