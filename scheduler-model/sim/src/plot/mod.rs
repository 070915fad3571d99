//! Figures as pictures: SVG documents, the same bytes for the same numbers.
//!
//! Every function gives the text of a document and does no IO. Text is left to the viewer's own sans-serif font; room for
//! it is estimated. Backgrounds are white, so that pictures are legible in dark viewers too.

mod bars;
mod canvas;
mod gantt;
mod learning;
mod lines;
mod queue;
mod rows;
mod scale;
mod slowdown;
mod style;

pub use bars::{Bar, bars};
pub use gantt::gantt;
pub use learning::{LearningCurve, Reference, learning};
pub use queue::{QueueSeries, queue};
pub use slowdown::{SlowdownSeries, slowdown};

use plotters::drawing::DrawingAreaErrorKind;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    #[error("there is nothing to draw in `{title}`; {remedy}")]
    Nothing { title: String, remedy: &'static str },
    #[error("`{title}` has a number that is not finite, of `{series}`; leave it out")]
    NotFinite { title: String, series: String },
    #[error("cannot draw: {0}")]
    Draw(#[from] DrawingAreaErrorKind<std::io::Error>),
}
