//! The learned policy's network: what a weights file holds, and the scores it gives to the candidates of a window.
//!
//! [`Weights`] are read from bytes with every check, matched by name to the [`Layout`] of the observations that the
//! caller makes, and turned into a [`Network`], which scores windows without allocating. Scores are equal to the last
//! bit on every processor: sums have a fixed order, and nothing is fused or approximated.
//!
//! # The network
//!
//! ```text
//!   x_i  features of candidate i, normalised      g  features of the whole window, normalised
//!
//!   e_i  = relu(x_i E + b)                        embedding
//!   p    = [mean of e, max of e, g]               summary, over eligible candidates
//!   c    = relu(p C + b)                          context
//!   h_i  = relu(e_i S + c T + b)                  scoring
//!   s_i  = h_i . w + x_i . r                      score; r is the skip, which alone is the linear form
//!   v    = relu(p V + b) . u + b                  value, for training only
//! ```
//!
//! This is a set function (Zaheer et al., "Deep Sets", NeurIPS 2017, section 3) with a wide part (Cheng et al., "Wide &
//! Deep Learning for Recommender Systems", DLRS 2016): permuting the candidates permutes the scores. What a rule says
//! is a feature like others, so a network that improves on a rule starts with the skip on that feature and `w` = 0.
//!
//! # Names of features
//!
//! Lower-case words joined by `_`, with `/` between a family and its member: `wait`, `log_area`, `rank/saf`,
//! `demand/cpu`. A name stands for a meaning and a unit: whoever changes either changes the name.

mod align;
mod architecture;
mod description;
mod error;
mod file;
mod layout;
mod network;
mod weights;

pub use architecture::{Architecture, Form, Part, TensorShape};
pub use error::WeightsError;
pub use layout::{Layout, Normalisation};
pub use network::{Network, Scorer, Scratch, Window, best};
pub use weights::Weights;

/// Normalised features are cut off at this distance from zero, in deviations.
pub const FEATURE_LIMIT: f32 = 10.0;
