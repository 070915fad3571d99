//! Values of flags.

use std::str::FromStr;

use drover_sim::workload;

/// Two numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span(pub(super) f64, pub(super) f64);

impl FromStr for Span {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let problem =
            "must be two numbers above 0, the first not above the second, such as 0.7-1.1";
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let (Ok(from), Ok(to)) = (from.parse::<f64>(), to.parse::<f64>()) else {
            return Err(problem);
        };
        let is_span = from > 0.0 && from <= to && to.is_finite();
        is_span.then_some(Self(from, to)).ok_or(problem)
    }
}

/// `beside=6`
pub(super) fn parse_column(text: &str) -> Result<(String, f32), &'static str> {
    let (name, weight) = text.split_once('=').unwrap_or((text, ""));
    let weight = weight
        .parse()
        .ok()
        .filter(|weight: &f32| weight.is_finite());
    let weight = weight.ok_or("must be a column and a number, as in beside=6")?;
    Ok((name.to_owned(), weight))
}

/// A number above 0.
pub(super) fn parse_factor(text: &str) -> Result<f32, &'static str> {
    let factor = text.parse().ok();
    let factor = factor.filter(|factor: &f32| *factor > 0.0 && factor.is_finite());
    factor.ok_or("must be a number above 0, as in 0.5")
}

/// `dag=3`, or `dag` for 1.
pub(super) fn parse_family(text: &str) -> Result<(&'static str, u64), String> {
    let (name, weight) = text.split_once('=').unwrap_or((text, "1"));
    let family = workload::find(name).map_err(|error| error.to_string())?;
    let weight = weight
        .parse()
        .ok()
        .filter(|weight| (1..=1_000).contains(weight));
    let weight = weight.ok_or("a weight must be a number from 1 to 1000, as in dag=3")?;
    Ok((family.name, weight))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_go_up() {
        assert_eq!("0.7-1.1".parse(), Ok(Span(0.7, 1.1)));
        assert_eq!("500".parse(), Ok(Span(500.0, 500.0)));
        for text in ["1.1-0.7", "0-1", "a-b", "1-inf", "", "1-nan"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn columns_and_families_have_weights() {
        assert_eq!(parse_column("beside=6"), Ok(("beside".to_owned(), 6.0)));
        assert_eq!(parse_factor("0.5"), Ok(0.5));
        assert!(parse_factor("0").is_err() && parse_factor("inf").is_err());
        assert!(parse_column("beside").is_err() && parse_column("a=nan").is_err());
        assert_eq!(parse_family("dag=3"), Ok(("dag", 3)));
        assert_eq!(parse_family("dag"), Ok(("dag", 1)));
        assert!(parse_family("dag=0").is_err() && parse_family("gad=1").is_err());
    }
}
