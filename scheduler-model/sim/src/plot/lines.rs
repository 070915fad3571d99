//! Lines over two axes, with the legend beside them.

use std::ops::Range;

use plotters::{
    coord::{
        ranged1d::{AsRangedCoord, Ranged, ValueFormatter},
        types::RangedCoordf64,
    },
    prelude::*,
};

use super::{
    PlotError,
    canvas::{Area, Look, beside_legend, legend_height, page},
    scale::short,
    style::{HEIGHT, LABEL, LINE, SOFT_TEXT, TEXT, letters},
};

type Chart<'a, X> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, RangedCoordf64>>;

/// A picture of lines.
pub(super) struct Lines<'a> {
    pub(super) title: &'a str,
    pub(super) subtitle: &'a str,
    pub(super) x_title: String,
    pub(super) y_title: String,
    pub(super) x: Range<f64>,
    pub(super) y: Range<f64>,
    /// Along x; it then begins above 0.
    pub(super) logarithmic: bool,
    pub(super) lines: Vec<Line>,
}

pub(super) struct Line {
    pub(super) name: String,
    pub(super) look: Look,
    pub(super) points: Vec<(f64, f64)>,
    /// Drawn at each point, where there are few of them.
    pub(super) dots: bool,
}

impl Lines<'_> {
    pub(super) fn draw(&self) -> Result<String, PlotError> {
        for line in &self.lines {
            let finite = |(x, y): &(f64, f64)| x.is_finite() && y.is_finite();
            if !line.points.iter().all(finite) {
                return Err(PlotError::NotFinite {
                    title: self.title.to_owned(),
                    series: line.name.clone(),
                });
            }
        }
        let entries = self.lines.iter().map(|line| (line.name.clone(), line.look));
        let entries: Vec<(String, Look)> = entries.collect();
        let height = HEIGHT.max(legend_height(entries.len()));
        page(height, self.title, self.subtitle, |body| {
            let data = beside_legend(body, &entries)?;
            if self.logarithmic {
                self.draw_over(&data, self.x.clone().log_scale())
            } else {
                self.draw_over(&data, self.x.clone())
            }
        })
    }

    fn draw_over<X>(&self, area: &Area<'_>, x: X) -> Result<(), PlotError>
    where
        X: AsRangedCoord<Value = f64>,
        X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let mut chart = ChartBuilder::on(area)
            .margin_right(16)
            .x_label_area_size(56)
            .y_label_area_size(76)
            .build_cartesian_2d(x, self.y.clone())?;
        chart
            .configure_mesh()
            .bold_line_style(LINE)
            .light_line_style(TRANSPARENT)
            .axis_style(SOFT_TEXT)
            .label_style(letters(LABEL, TEXT))
            .axis_desc_style(letters(LABEL, SOFT_TEXT))
            .x_desc(self.x_title.clone())
            .y_desc(self.y_title.clone())
            .x_label_formatter(&|value| short(*value))
            .y_label_formatter(&|value| short(*value))
            .draw()?;
        for line in &self.lines {
            line.draw(&mut chart)?;
        }
        Ok(())
    }
}

impl Line {
    fn draw<X>(&self, chart: &mut Chart<'_, X>) -> Result<(), PlotError>
    where
        X: Ranged<ValueType = f64>,
    {
        let points = self.points.clone();
        let stroke = self.look.stroke();
        match self.look.dash {
            None => chart.draw_series(LineSeries::new(points, stroke))?,
            Some((dash, gap)) => {
                chart.draw_series(DashedLineSeries::new(points, dash, gap, stroke))?
            }
        };
        if self.dots {
            let dots = self.points.iter();
            let dot = |at: &(f64, f64)| Circle::new(*at, 4, self.look.colour.filled());
            chart.draw_series(dots.map(dot))?;
        }
        Ok(())
    }
}

/// Horizontal from each point to the next, then up or down.
pub(super) fn steps(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut steps: Vec<(f64, f64)> = Vec::with_capacity(points.len() * 2);
    for &(x, y) in points {
        if let Some(&(_, before)) = steps.last() {
            steps.push((x, before));
        }
        steps.push((x, y));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_keep_what_was_until_it_changes() {
        let points = [(0.0, 1.0), (2.0, 5.0)];
        assert_eq!(steps(&points), [(0.0, 1.0), (2.0, 1.0), (2.0, 5.0)]);
    }
}
