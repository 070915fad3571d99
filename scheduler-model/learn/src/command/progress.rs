use indicatif::{ProgressBar, ProgressStyle};

const TEMPLATE: &str = "{bar:30} {pos}/{len} {msg} ({elapsed} gone, {eta} left)";

/// A bar with the time that is left. Where nobody looks on, nothing is drawn.
pub(super) fn progress(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(TEMPLATE).expect("a template that is well-formed");
    ProgressBar::new(length).with_style(style)
}
