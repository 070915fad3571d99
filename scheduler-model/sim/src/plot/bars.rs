//! One figure of many policies, with intervals.

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, VPos},
};

use super::{
    PlotError,
    canvas::{Area, page},
    scale::{headroom, short},
    style::{LABEL, LINE, SOFT_TEXT, TEXT, anchored, colour_of, letters, shortened, width_of},
};
use crate::evaluate::Interval;

const ROW: u32 = 36;
/// Titles, axis and margins.
const AROUND: u32 = 190;
const LONGEST_NAME: usize = 32;
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

/// A row for each bar, in the order given. `axis` says what is measured, in which unit, and which way is better.
pub fn bars(title: &str, axis: &str, bars: &[Bar]) -> Result<String, PlotError> {
    if bars.is_empty() {
        return Err(PlotError::Nothing {
            title: title.to_owned(),
            remedy: "evaluate at least one policy",
        });
    }
    if let Some(bar) = bars.iter().find(|bar| !furthest(bar).is_finite()) {
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

fn furthest(bar: &Bar) -> f64 {
    bar.interval.map_or(bar.value, |interval| {
        // Of three, so that one that is not a number is not lost.
        if interval.low.is_nan() {
            f64::NAN
        } else {
            interval.high + (bar.value - interval.high).max(0.0)
        }
    })
}

fn draw(body: &Area<'_>, axis: &str, bars: &[Bar]) -> Result<(), PlotError> {
    let names: Vec<String> = bars
        .iter()
        .map(|bar| shortened(&bar.name, LONGEST_NAME))
        .collect();
    let widest = names.iter().map(|name| width_of(name, LABEL)).max();
    let largest = headroom(bars.iter().map(furthest).fold(0.0, f64::max));
    let rows = bars.len() as f64;
    let mut chart = ChartBuilder::on(body)
        // For the number behind the longest bar.
        .margin_right(90)
        .x_label_area_size(56)
        .y_label_area_size(widest.unwrap_or(0) + 20)
        .build_cartesian_2d(0.0..largest, rows..0.0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(0)
        .bold_line_style(LINE)
        .light_line_style(TRANSPARENT)
        .axis_style(SOFT_TEXT)
        .label_style(letters(LABEL, TEXT))
        .axis_desc_style(letters(LABEL, SOFT_TEXT))
        .x_desc(axis)
        .x_label_formatter(&|value| short(*value))
        .draw()?;
    let middle = |place: usize| place as f64 + 0.5;
    chart.draw_series(bars.iter().enumerate().map(|(place, bar)| {
        let (top, bottom) = (middle(place) - HALF_BAR, middle(place) + HALF_BAR);
        let fill = colour_of(0).mix(0.75).filled();
        Rectangle::new([(0.0, top), (bar.value, bottom)], fill)
    }))?;
    for (place, bar) in bars.iter().enumerate() {
        let whiskers = bar.interval.into_iter();
        let whiskers = whiskers.flat_map(|interval| whisker(interval, middle(place)));
        chart.draw_series(whiskers.map(|line| PathElement::new(line, TEXT.stroke_width(2))))?;
    }
    let at = |value: f64, place: usize| {
        let (x, y) = chart
            .plotting_area()
            .map_coordinate(&(value, middle(place)));
        let (left, top) = body.get_base_pixel();
        (x - left, y - top)
    };
    let name = anchored(&letters(LABEL, TEXT), HPos::Right, VPos::Center);
    let number = anchored(&letters(LABEL, SOFT_TEXT), HPos::Left, VPos::Center);
    for (place, bar) in bars.iter().enumerate() {
        let (x, y) = at(0.0, place);
        body.draw(&Text::new(names[place].clone(), (x - 10, y), name.clone()))?;
        let (x, y) = at(furthest(bar), place);
        let value = format!("{:.2}", bar.value);
        body.draw(&Text::new(value, (x + 8, y), number.clone()))?;
    }
    Ok(())
}

/// The line from end to end, and the two ends.
fn whisker(interval: Interval, middle: f64) -> [Vec<(f64, f64)>; 3] {
    let Interval { low, high } = interval;
    let end = |at: f64| vec![(at, middle - HALF_END), (at, middle + HALF_END)];
    [vec![(low, middle), (high, middle)], end(low), end(high)]
}

#[cfg(test)]
mod tests {
    use super::*;

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
