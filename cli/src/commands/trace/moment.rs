//! A time in the past, as people say it.

use std::{str::FromStr, time::Duration};

use drover_model::Timestamp;

use crate::file::parse_span;

/// So long ago (`24h`), or a time (`2030-01-31T18:00:00Z`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    At(jiff::Timestamp),
    Ago(Duration),
}

impl Moment {
    /// Nothing is before 1970.
    pub(super) fn before(self, now_ms: i64) -> Timestamp {
        Timestamp(match self {
            Self::At(at) => at.as_millisecond(),
            Self::Ago(age) => {
                let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
                now_ms.saturating_sub(age_ms).max(0)
            }
        })
    }
}

/// What is no moment.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected a time in the past, found {0:?}\n\
     write how long ago it was (24h, 7d) or a point in time (2030-01-31T18:00:00Z)"
)]
pub(super) struct NoMoment(String);

impl FromStr for Moment {
    type Err = NoMoment;

    fn from_str(text: &str) -> Result<Self, NoMoment> {
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        let age = parse_span(text).map_err(|_| NoMoment(text.to_owned()))?;
        Ok(Self::Ago(age))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Moment {
        text.parse().expect(text)
    }

    #[test]
    fn ages_count_back_and_points_do_not() {
        assert_eq!(moment("10m").before(1_000_000), Timestamp(400_000));
        assert_eq!(moment("99d").before(1_000_000), Timestamp(0));
        let point = moment("1970-01-01T00:00:07Z");
        assert_eq!(point.before(1_000_000), Timestamp(7_000));
    }

    #[test]
    fn what_is_neither_hears_what_would_be() {
        let refused = "yesterday".parse::<Moment>().expect_err("it is neither");
        assert_eq!(
            refused.to_string(),
            "expected a time in the past, found \"yesterday\"\n\
             write how long ago it was (24h, 7d) or a point in time (2030-01-31T18:00:00Z)"
        );
    }
}
