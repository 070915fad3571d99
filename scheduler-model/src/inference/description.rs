use serde::{Deserialize, Serialize};

use super::{Architecture, WeightsError};

/// The only format so far. A change that an older program would misread gets the next number.
pub(super) const FORMAT: u64 = 1;

/// What the metadata of a weights file says, as JSON. One entry holds all of it, since the order of several is not fixed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Description {
    format: u64,
    pub(super) version: String,
    pub(super) architecture: Architecture,
    pub(super) candidate: Vec<String>,
    pub(super) global: Vec<String>,
}

/// Read before the rest, which another format may spell otherwise.
#[derive(Deserialize)]
struct Preamble {
    format: u64,
}

impl Description {
    /// The metadata entry that it is kept under.
    pub(super) const ENTRY: &str = "drover";

    pub(super) fn new(
        version: &str,
        architecture: Architecture,
        candidate: &[String],
        global: &[String],
    ) -> Self {
        Self {
            format: FORMAT,
            version: version.to_owned(),
            architecture,
            candidate: candidate.to_vec(),
            global: global.to_vec(),
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, WeightsError> {
        let Preamble { format: found } = serde_json::from_str(text)?;
        if found != FORMAT {
            return Err(WeightsError::Format {
                found,
                supported: FORMAT,
            });
        }
        Ok(serde_json::from_str(text)?)
    }
}
