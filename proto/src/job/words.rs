//! Amounts, times and places, for people.

use drover_model::{Position, Resource, Timestamp};

/// `third`, `number 11`.
pub(super) fn place(position: Position) -> String {
    const NAMED: [&str; 10] = [
        "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth",
        "tenth",
    ];
    let Position(number) = position;
    if number >= Position::LIMIT {
        return format!("beyond place {}", Position::LIMIT);
    }
    match NAMED.get(number.wrapping_sub(1) as usize) {
        Some(name) => (*name).to_owned(),
        None => format!("number {number}"),
    }
}

/// `64 cpu`, `2.0 GiB memory`.
pub(super) fn amount(resource: &Resource, value: u64) -> String {
    format!("{} {resource}", bare_amount(resource, value))
}

/// `64`, `2.0 GiB`.
pub(super) fn bare_amount(resource: &Resource, value: u64) -> String {
    match resource {
        Resource::Cpu => {
            let (cores, millis) = (value / 1_000, value % 1_000);
            if millis == 0 {
                cores.to_string()
            } else {
                format!("{cores}.{millis:03}")
                    .trim_end_matches('0')
                    .to_owned()
            }
        }
        Resource::Gpu | Resource::Named(_) => value.to_string(),
        Resource::Memory | Resource::Disk => bytes(value),
    }
}

fn bytes(value: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if value < 1_024 {
        return format!("{value} B");
    }
    let exponent = (value.ilog2() / 10).min(6);
    let unit = UNITS[exponent as usize - 1];
    let divisor = 1_u64 << (10 * exponent);
    if value.is_multiple_of(divisor) {
        return format!("{} {unit}", value / divisor);
    }
    // One digit, rounded down: a node is never said to have more than it has.
    let tenths = u128::from(value) * 10 / u128::from(divisor);
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// Time of day, UTC: reasons speak of minutes, not of days.
pub(super) fn clock(at: Timestamp) -> String {
    let second_of_day = at.0.div_euclid(1_000).rem_euclid(86_400);
    format!(
        "{:02}:{:02}:{:02} UTC",
        second_of_day / 3_600,
        second_of_day / 60 % 60,
        second_of_day % 60
    )
}
