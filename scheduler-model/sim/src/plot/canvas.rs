//! A white page with a title, and what goes beside the data.

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, VPos},
};

use super::{
    PlotError,
    style::{
        LABEL, SOFT_TEXT, TEXT, TITLE, WIDTH, anchored, colour_of, dash_of, letters, shortened,
        width_of,
    },
};

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const MARGIN: i32 = 20;
const TITLE_HEIGHT: i32 = 40;
const SUBTITLE_HEIGHT: i32 = 26;

const LEGEND_LINE: i32 = 34;
const LEGEND_ROW: i32 = 26;
const LONGEST_NAME: usize = 40;

/// Draws a page of the usual width; `paint` gets what is left under the titles.
pub(super) fn page(
    height: u32,
    title: &str,
    subtitle: &str,
    paint: impl FnOnce(&Area<'_>) -> Result<(), PlotError>,
) -> Result<String, PlotError> {
    let mut document = String::new();
    {
        let root = SVGBackend::with_string(&mut document, (WIDTH, height)).into_drawing_area();
        root.fill(&WHITE)?;
        let mut left = root.margin(MARGIN, MARGIN, MARGIN, MARGIN);
        let lines = [
            (title, TITLE_HEIGHT, letters(TITLE, TEXT)),
            (subtitle, SUBTITLE_HEIGHT, letters(LABEL, SOFT_TEXT)),
        ];
        for (text, height, style) in lines {
            if !text.is_empty() {
                let (line, rest) = left.split_vertically(height);
                line.draw(&Text::new(text, (0, 0), style))?;
                left = rest;
            }
        }
        let (_, body) = left.split_vertically(8);
        paint(&body)?;
        root.present()?;
    }
    Ok(document)
}

/// What a line of the legend stands for.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) colour: RGBColor,
    pub(super) dash: Option<(i32, i32)>,
}

impl Look {
    pub(super) fn of(place: usize) -> Self {
        Self {
            colour: colour_of(place),
            dash: dash_of(place),
        }
    }

    pub(super) fn stroke(self) -> ShapeStyle {
        self.colour.stroke_width(2)
    }
}

/// Of a page whose legend has so many entries.
pub(super) fn legend_height(entries: usize) -> u32 {
    (2 * MARGIN + TITLE_HEIGHT + SUBTITLE_HEIGHT + LEGEND_ROW * (entries as i32 + 1)) as u32
}

/// Splits off a legend to the right of the data, and gives the rest.
pub(super) fn beside_legend<'a>(
    area: &Area<'a>,
    entries: &[(String, Look)],
) -> Result<Area<'a>, PlotError> {
    let names = entries
        .iter()
        .map(|(name, _)| shortened(name, LONGEST_NAME));
    let names: Vec<String> = names.collect();
    let widest = names.iter().map(|name| width_of(name, LABEL)).max();
    let legend_width = LEGEND_LINE + 10 + widest.unwrap_or(0);
    let (width, _) = area.dim_in_pixel();
    let (data, legend) = area.split_horizontally(width as i32 - legend_width - 20);
    let style = anchored(&letters(LABEL, TEXT), HPos::Left, VPos::Center);
    for (place, (name, (_, look))) in names.iter().zip(entries).enumerate() {
        let y = 16 + place as i32 * LEGEND_ROW;
        let line = [(20, y), (20 + LEGEND_LINE, y)];
        draw_dashed(&legend, &line, *look)?;
        let at = (20 + LEGEND_LINE + 10, y);
        legend.draw(&Text::new(name.clone(), at, style.clone()))?;
    }
    Ok(data)
}

fn draw_dashed(area: &Area<'_>, line: &[(i32, i32); 2], look: Look) -> Result<(), PlotError> {
    let [(from, y), (to, _)] = *line;
    let (dash, gap) = look.dash.unwrap_or((to - from, 1));
    let mut begin = from;
    while begin < to {
        let end = (begin + dash).min(to);
        area.draw(&PathElement::new(vec![(begin, y), (end, y)], look.stroke()))?;
        begin = end + gap;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_with_a_title() {
        let document =
            page(400, "fifo < saf & edf", "", |_| Ok(())).expect("text and a background");
        assert!(document.starts_with("<svg width=\"1200\" height=\"400\""));
        let background =
            "<rect x=\"0\" y=\"0\" width=\"1200\" height=\"400\" opacity=\"1\" fill=\"#FFFFFF\"";
        assert!(document.contains(background));
        assert!(document.contains("fifo &lt; saf &amp; edf"));
    }

    #[test]
    fn the_legend_stays_on_the_page() {
        let entries: Vec<(String, Look)> = (0..40)
            .map(|place| (format!("policy {place}"), Look::of(place)))
            .collect();
        let height = legend_height(entries.len());
        let document = page(height, "Title", "Subtitle", |body| {
            beside_legend(body, &entries).map(|_| ())
        });
        let document = document.expect("names and lines");
        let lowest = document
            .split(" y=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next()?.parse::<u32>().ok());
        assert!(document.contains("policy 39"));
        assert!(lowest.max().expect("there are names") < height - MARGIN as u32 / 2);
    }
}
