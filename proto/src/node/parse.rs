//! What people write of nodes.

use crate::{
    attributes::{cost_problem, latency_problem, power_problem},
    resources::custom_problem,
    time::parse_duration,
};

/// `20ms`, `1s`, in milliseconds.
///
/// # Errors
/// What is wrong with it, for people.
pub fn parse_latency(text: &str) -> Result<u32, String> {
    let latency = parse_duration(text).map_err(|error| error.to_string())?;
    let ms = u32::try_from(latency.as_millis()).unwrap_or(u32::MAX);
    accepted(ms, latency_problem)
}

/// `1.25`, in millionths of the money's unit.
///
/// # Errors
/// What is wrong with it, for people.
pub fn parse_cost(text: &str) -> Result<u64, String> {
    if text.starts_with('-') {
        return Err(format!("a cost must not be negative, found {text}"));
    }
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    if decimals.len() > 6 && is_number(decimals) {
        return Err(format!("a cost has at most six decimals, found {text}"));
    }
    if !is_number(whole) || !is_number(decimals) {
        return Err(format!("expected a cost such as 1.25, found {text:?}"));
    }
    let millionths: u64 = format!("{decimals:0<6}").parse().unwrap_or(0);
    let whole = whole.parse::<u64>().ok();
    let micros = whole.and_then(|whole| whole.checked_mul(1_000_000)?.checked_add(millionths));
    accepted(micros.unwrap_or(u64::MAX), cost_problem)
        .map_err(|_| format!("{text} an hour is more than any host costs"))
}

/// `300W`, `1.5kW` or `300`, in watts.
///
/// # Errors
/// What is wrong with it, for people.
pub fn parse_power(text: &str) -> Result<u32, String> {
    if text.starts_with('-') {
        return Err(format!("power must not be negative, found {text}"));
    }
    let wrong = || format!("expected a power in whole watts such as 300W or 1.5kW, found {text:?}");
    let watts = match text.strip_suffix("kW") {
        None => number(text.strip_suffix('W').unwrap_or(text)).ok_or_else(wrong)?,
        Some(kilowatts) => {
            let (whole, decimals) = kilowatts.split_once('.').unwrap_or((kilowatts, "0"));
            if decimals.len() > 3 || !is_number(decimals) {
                return Err(wrong());
            }
            let thousandths = number(&format!("{decimals:0<3}")).ok_or_else(wrong)?;
            let whole = number(whole).ok_or_else(wrong)?;
            whole.saturating_mul(1_000).saturating_add(thousandths)
        }
    };
    accepted(u32::try_from(watts).unwrap_or(u32::MAX), power_problem)
        .map_err(|_| format!("{text} is more than any host draws"))
}

/// `license=4`: a resource that a site counts itself.
///
/// # Errors
/// What is wrong with it, for people.
pub fn parse_custom(text: &str) -> Result<(String, u64), String> {
    let parts = text.split_once('=');
    let parts = parts.and_then(|(name, count)| Some((name, number(count)?)));
    let (name, count) =
        parts.ok_or_else(|| format!("expected NAME=COUNT such as license=4, found {text:?}"))?;
    match custom_problem(name, count) {
        None => Ok((name.to_owned(), count)),
        Some(problem) => Err(format!("`{text}` {problem}")),
    }
}

/// `rack=7`.
///
/// # Errors
/// What is wrong with it, for people.
pub fn parse_label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!(
            "expected NAME=VALUE such as rack=7, found {text:?}"
        )),
    }
}

/// What [`parse_cost`] reads; with two decimals, or as many as there are.
pub fn cost_text(micros: u64) -> String {
    let (whole, rest) = (micros / 1_000_000, micros % 1_000_000);
    let decimals = format!("{rest:06}");
    let shown = decimals.trim_end_matches('0').len().max(2);
    format!("{whole}.{}", &decimals[..shown])
}

fn accepted<T: Copy>(value: T, problem: impl Fn(T) -> Option<&'static str>) -> Result<T, String> {
    problem(value).map_or(Ok(value), |problem| Err(problem.to_owned()))
}

fn number(text: &str) -> Option<u64> {
    is_number(text).then(|| text.parse().unwrap_or(u64::MAX))
}

/// No sign, no space.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_have_units() {
        assert_eq!(parse_latency("20ms"), Ok(20));
        assert_eq!(parse_latency("1s"), Ok(1_000));
        for text in ["20", "-1ms", "9999d"] {
            assert!(parse_latency(text).is_err(), "{text}");
        }
    }

    #[test]
    fn costs_are_exact() {
        for (text, micros) in [
            ("0", 0),
            ("1.25", 1_250_000),
            ("0.000001", 1),
            ("1000000000", 1_000_000_000_000_000),
        ] {
            assert_eq!(parse_cost(text), Ok(micros), "{text}");
        }
        for (text, words) in [
            ("-1", "must not be negative"),
            ("1.0000001", "at most six decimals"),
            ("", "expected a cost"),
            ("1.", "expected a cost"),
            ("1e3", "expected a cost"),
            ("cheap", "expected a cost"),
            ("1000000001", "more than any host costs"),
            ("99999999999999999999", "more than any host costs"),
        ] {
            let problem = parse_cost(text).expect_err(text);
            assert!(problem.contains(words), "{text}: {problem}");
        }
        assert_eq!(cost_text(1_250_000), "1.25");
        assert_eq!(cost_text(0), "0.00");
        assert_eq!(cost_text(1_000_001), "1.000001");
    }

    #[test]
    fn power_is_in_watts() {
        for (text, watts) in [
            ("300W", 300),
            ("300", 300),
            ("1.5kW", 1_500),
            ("2kW", 2_000),
        ] {
            assert_eq!(parse_power(text), Ok(watts), "{text}");
        }
        for text in [
            "-1W",
            "",
            "W",
            "kW",
            "0.5W",
            "1.0001kW",
            "2000000kW",
            "1 kW",
        ] {
            assert!(parse_power(text).is_err(), "{text}");
        }
    }

    #[test]
    fn resources_and_labels_have_names() {
        assert_eq!(parse_custom("license=4"), Ok(("license".to_owned(), 4)));
        for text in [
            "license",
            "=4",
            "license=",
            "license=-1",
            "license=0",
            "cpu=1",
        ] {
            assert!(parse_custom(text).is_err(), "{text}");
        }
        let label = ("a".to_owned(), "b=c".to_owned());
        assert_eq!(parse_label("a=b=c"), Ok(label));
        assert!(parse_label("=b").is_err() && parse_label("a").is_err());
    }
}
