//! Rows of something, one under the other, over one axis.

use std::ops::Range;

use plotters::{
    coord::types::RangedCoordf64,
    prelude::*,
    style::text_anchor::{HPos, VPos},
};

use super::{
    PlotError,
    canvas::Area,
    scale::short,
    style::{LABEL, LINE, SOFT_TEXT, TEXT, anchored, letters, shortened, width_of},
};

const LONGEST_NAME: usize = 40;

/// Between a name and its row.
const NAME_GAP: i32 = 10;

type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// What is drawn before the data.
pub(super) struct RowAxes {
    pub(super) x: Range<f64>,
    pub(super) x_title: String,
    /// How many rows there are.
    pub(super) rows: f64,
    /// A name, and the middle of what it stands beside, in rows from the top. From top to bottom.
    pub(super) names: Vec<(String, f64)>,
    /// Kept free to the right, in pixels.
    pub(super) right: u32,
}

/// Rows to draw in: x from left to right, rows counted from the top.
pub(super) struct Rows<'a, 'b> {
    body: &'b Area<'a>,
    chart: Chart<'a>,
}

impl<'a, 'b> Rows<'a, 'b> {
    /// Draws the axis, and the names beside their rows.
    pub(super) fn new(body: &'b Area<'a>, axes: &RowAxes) -> Result<Self, PlotError> {
        let names = axes.names.iter();
        let widths = names.map(|(name, _)| width_of(&shortened(name, LONGEST_NAME), LABEL));
        let widest = widths.max().unwrap_or(0);
        let mut chart = ChartBuilder::on(body)
            .margin_right(axes.right)
            .x_label_area_size(56)
            .y_label_area_size(widest + 2 * NAME_GAP)
            .build_cartesian_2d(axes.x.clone(), axes.rows..0.0)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .y_labels(0)
            .bold_line_style(LINE)
            .light_line_style(TRANSPARENT)
            .axis_style(SOFT_TEXT)
            .label_style(letters(LABEL, TEXT))
            .axis_desc_style(letters(LABEL, SOFT_TEXT))
            .x_desc(axes.x_title.clone())
            .x_label_formatter(&|value| short(*value))
            .draw()?;
        let rows = Self { body, chart };
        rows.draw_names(axes)?;
        Ok(rows)
    }

    /// Leaves out those that would touch the one above.
    fn draw_names(&self, axes: &RowAxes) -> Result<(), PlotError> {
        let style = anchored(&letters(LABEL, TEXT), HPos::Right, VPos::Center);
        let mut free_from = i32::MIN;
        for (name, middle) in &axes.names {
            let (x, y) = self.pixel((axes.x.start, *middle));
            if y < free_from {
                continue;
            }
            free_from = y + (LABEL * 1.2) as i32;
            self.write(&shortened(name, LONGEST_NAME), (x - NAME_GAP, y), &style)?;
        }
        Ok(())
    }

    /// Where it is on the page's body.
    pub(super) fn pixel(&self, at: (f64, f64)) -> (i32, i32) {
        let (x, y) = self.chart.plotting_area().map_coordinate(&at);
        let (left, top) = self.body.get_base_pixel();
        (x - left, y - top)
    }

    /// At a place of the page's body.
    pub(super) fn write(
        &self,
        text: &str,
        at: (i32, i32),
        style: &TextStyle<'static>,
    ) -> Result<(), PlotError> {
        self.body.draw(&Text::new(text, at, style.clone()))?;
        Ok(())
    }

    /// A line, in x and rows.
    pub(super) fn line(
        &mut self,
        points: [(f64, f64); 2],
        style: impl Into<ShapeStyle>,
    ) -> Result<(), PlotError> {
        let line = PathElement::new(points.to_vec(), style);
        self.chart.draw_series([line])?;
        Ok(())
    }

    /// A box between two corners, in x and rows.
    pub(super) fn rectangle(
        &mut self,
        corners: [(f64, f64); 2],
        style: impl Into<ShapeStyle>,
    ) -> Result<(), PlotError> {
        self.chart.draw_series([Rectangle::new(corners, style)])?;
        Ok(())
    }
}
