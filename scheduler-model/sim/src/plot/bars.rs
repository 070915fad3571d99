//! One figure of many policies, with intervals.

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, VPos},
};

use super::{
    PlotError,
    canvas::{Area, page},
    rows::{RowAxes, Rows},
    scale::headroom,
    style::{LABEL, SOFT_TEXT, TEXT, anchored, colour_of, letters},
};
use crate::evaluate::{Better, Cell, Evaluation, Interval, Metric, mean_interval};

const ROW: u32 = 36;
/// Titles, axis and margins.
const AROUND: u32 = 190;
/// For the number behind the longest bar.
const NUMBER: u32 = 90;
/// Half the height of a bar and of an end of its interval, in rows.
const HALF_BAR: f64 = 0.36;
const HALF_END: f64 = 0.16;

/// One policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    pub name: String,
    /// At least 0.
    pub value: f64,
    pub interval: Option<Interval>,
}

impl Bar {
    /// All contenders that have the metric, best first, with intervals of their means over runs.
    pub fn all(evaluation: &Evaluation, cell: &Cell, metric: &Metric) -> Vec<Self> {
        let contenders = evaluation.contenders().iter().enumerate();
        let bar = |(place, contender): (usize, &crate::evaluate::Contender)| {
            let values = cell.values(place, metric)?;
            Some(Self {
                name: contender.to_string(),
                value: (metric.of)(&cell.mean(place)?)?,
                interval: mean_interval(&values, 0),
            })
        };
        let mut bars: Vec<Self> = contenders.filter_map(bar).collect();
        match metric.better {
            Better::Lower => bars.sort_by(|one, other| one.value.total_cmp(&other.value)),
            Better::Higher => bars.sort_by(|one, other| other.value.total_cmp(&one.value)),
            Better::Neither => (),
        }
        bars
    }

    fn is_finite(&self) -> bool {
        let ends = self.interval.into_iter();
        let mut ends = ends.flat_map(|interval| [interval.low, interval.high]);
        self.value.is_finite() && ends.all(f64::is_finite)
    }

    /// Where its picture ends.
    fn furthest(&self) -> f64 {
        self.interval
            .map_or(self.value, |interval| interval.high.max(self.value))
    }
}

/// A row for each bar, in the order given. `axis` says what is measured, in which unit, and which way is better.
pub fn bars(title: &str, axis: &str, bars: &[Bar]) -> Result<String, PlotError> {
    if bars.is_empty() {
        return Err(PlotError::Nothing {
            title: title.to_owned(),
            remedy: "evaluate at least one policy",
        });
    }
    if let Some(bar) = bars.iter().find(|bar| !bar.is_finite()) {
        return Err(PlotError::NotFinite {
            title: title.to_owned(),
            series: bar.name.clone(),
        });
    }
    let with_intervals = bars.iter().any(|bar| bar.interval.is_some());
    let subtitle = if with_intervals {
        "Means over runs, with 95 % bootstrap intervals"
    } else {
        ""
    };
    let height = AROUND + ROW * bars.len() as u32;
    page(height, title, subtitle, |body| draw(body, axis, bars))
}

fn draw(body: &Area<'_>, axis: &str, bars: &[Bar]) -> Result<(), PlotError> {
    let names = bars.iter().enumerate();
    let axes = RowAxes {
        x: 0.0..headroom(bars.iter().map(Bar::furthest).fold(0.0, f64::max)),
        x_title: axis.to_owned(),
        rows: bars.len() as f64,
        names: names
            .map(|(place, bar)| (bar.name.clone(), place as f64 + 0.5))
            .collect(),
        right: NUMBER,
    };
    let mut rows = Rows::new(body, &axes)?;
    let style = anchored(&letters(LABEL, SOFT_TEXT), HPos::Left, VPos::Center);
    for (place, bar) in bars.iter().enumerate() {
        let middle = place as f64 + 0.5;
        let corners = [(0.0, middle - HALF_BAR), (bar.value, middle + HALF_BAR)];
        rows.rectangle(corners, colour_of(0).mix(0.75).filled())?;
        for line in bar
            .interval
            .into_iter()
            .flat_map(|ends| whisker(ends, middle))
        {
            rows.line(line, TEXT.stroke_width(2))?;
        }
        let (x, y) = rows.pixel((bar.furthest(), middle));
        rows.write(&format!("{:.2}", bar.value), (x + 8, y), &style)?;
    }
    Ok(())
}

/// The line from end to end, and the two ends.
fn whisker(interval: Interval, middle: f64) -> [[(f64, f64); 2]; 3] {
    let Interval { low, high } = interval;
    let end = |at: f64| [(at, middle - HALF_END), (at, middle + HALF_END)];
    [[(low, middle), (high, middle)], end(low), end(high)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{metric, synthetic::evaluation};

    fn bar(name: &str, value: f64, interval: Option<(f64, f64)>) -> Bar {
        Bar {
            name: name.to_owned(),
            value,
            interval: interval.map(|(low, high)| Interval { low, high }),
        }
    }

    #[test]
    fn names_numbers_and_intervals_are_there() {
        let drawn = [
            bar("saf/easy", 12.345, Some((11.0, 13.0))),
            bar("fifo/easy", 40.0, None),
        ];
        let document = bars("J", "J (lower is better)", &drawn).expect("it can be drawn");
        assert!(document.contains("saf/easy") && document.contains("12.35"));
        assert!(document.contains("95 % bootstrap"));
        assert!(
            !bars("J", "J", &drawn[1..])
                .expect("one")
                .contains("bootstrap")
        );
    }

    #[test]
    fn the_best_comes_first() {
        let evaluation = evaluation();
        let cell = &evaluation.cells()[0];
        let names = |name: &str| {
            let all = Bar::all(&evaluation, cell, metric(name).expect("listed"));
            all.into_iter().map(|bar| bar.name).collect::<Vec<_>>()
        };
        let by_objective = ["saf/easy", "critical-path/greedy", "fifo/easy"];
        assert_eq!(names("objective"), by_objective);
        assert_eq!(names("fairness")[0], "fifo/easy");
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        assert!(matches!(
            bars("J", "J", &[]),
            Err(PlotError::Nothing { .. })
        ));
        for bad in [
            bar("saf", f64::NAN, None),
            bar("saf", 1.0, Some((f64::NAN, 2.0))),
            bar("saf", 1.0, Some((0.0, f64::INFINITY))),
        ] {
            assert!(matches!(
                bars("J", "J", &[bad]),
                Err(PlotError::NotFinite { .. })
            ));
        }
    }
}
