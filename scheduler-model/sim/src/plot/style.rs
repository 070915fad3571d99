//! Sizes, colours and letters that all pictures share.

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

/// In pixels; documents scale it down to about two thirds.
pub(super) const WIDTH: u32 = 1_200;
pub(super) const HEIGHT: u32 = 640;

/// Plotters' sizes of letters are 1.24 times those of SVG.
const PLOTTERS_SIZE: f64 = 1.24;

pub(super) const TITLE: f64 = 24.0;
pub(super) const LABEL: f64 = 17.0;
pub(super) const SMALL: f64 = 12.0;

pub(super) const TEXT: RGBColor = RGBColor(34, 34, 34);
pub(super) const SOFT_TEXT: RGBColor = RGBColor(90, 90, 90);
pub(super) const LINE: RGBColor = RGBColor(222, 222, 222);
pub(super) const ALARM: RGBColor = RGBColor(200, 30, 30);

/// Told apart by the colour-blind too: Okabe and Ito, "Color universal design", 2008, without their yellow, which is too
/// light for lines on white.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(60, 60, 60),
];

/// Again from the first after the last; lines then differ by their dashes ([`dash_of`]).
pub(super) fn colour_of(place: usize) -> RGBColor {
    COLOURS[place % COLOURS.len()]
}

/// Length of dashes and gaps in pixels; `None`: an unbroken line.
pub(super) fn dash_of(place: usize) -> Option<(i32, i32)> {
    match place / COLOURS.len() {
        0 => None,
        1 => Some((12, 6)),
        _ => Some((4, 4)),
    }
}

pub(super) fn letters(size: f64, colour: RGBColor) -> TextStyle<'static> {
    ("sans-serif", size * PLOTTERS_SIZE)
        .into_font()
        .color(&colour)
}

pub(super) fn anchored(style: &TextStyle<'static>, across: HPos, down: VPos) -> TextStyle<'static> {
    style.pos(Pos::new(across, down))
}

/// How wide a text will be, on the generous side for most fonts.
pub(super) fn width_of(text: &str, size: f64) -> i32 {
    (text.chars().count() as f64 * size * 0.56).ceil() as i32
}

/// Cut to so many letters, with an ellipsis.
pub(super) fn shortened(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    let kept = text.chars().take(letters.saturating_sub(1));
    kept.chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_lines_are_told_apart() {
        let looks = (0..20).map(|place| (colour_of(place), dash_of(place)));
        let mut looks: Vec<_> = looks
            .map(|(RGBColor(red, green, blue), dash)| ((red, green, blue), dash))
            .collect();
        looks.sort_unstable();
        looks.dedup();
        assert_eq!(looks.len(), 20);
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(shortened("critical-path", 20), "critical-path");
        assert_eq!(shortened("critical-path", 9), "critical…");
    }
}
