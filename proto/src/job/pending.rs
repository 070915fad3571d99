//! Why a task waits, in words.

use drover_model::{PendingReason, Position, Resource, Timestamp};

use crate::v1;

/// One line for a person, with names and numbers. `undo`: it is the undo step of the task that waits.
pub(super) fn words(reason: &PendingReason, tasks: &[v1::TaskSpec], undo: bool) -> String {
    match reason {
        PendingReason::Dependency { task, unmet } => {
            let name = tasks.get(*task as usize).map_or("?", |task| &task.name);
            let what = if undo { "the undo of task" } else { "task" };
            match unmet {
                0 | 1 => format!("waits for {what} `{name}`"),
                2 => format!("waits for {what} `{name}` and 1 more"),
                _ => format!("waits for {what} `{name}` and {} more", unmet - 1),
            }
        }
        PendingReason::Backoff { until } => {
            format!("waits to be tried again at {}", clock(*until))
        }
        PendingReason::Finally => "runs when everything else has ended".to_owned(),
        PendingReason::NoNodes => "no agent is connected that takes new work".to_owned(),
        PendingReason::Quarantined { until } => format!(
            "every node that has room for it is quarantined, the first until {}",
            clock(*until)
        ),
        PendingReason::NoNodeFits {
            resource,
            wanted,
            largest,
        } => format!(
            "no node has {}: the largest has {}",
            amount(*resource, *wanted),
            bare_amount(*resource, *largest)
        ),
        PendingReason::WaitsForCapacity {
            resource,
            position,
            reserved,
        } => {
            let place = place(*position);
            match reserved {
                Some((node, start)) => format!(
                    "waits for {resource}, {place} in line; node `{node}` is reserved from about {}",
                    clock(*start)
                ),
                None => format!("waits for {resource}, {place} in line"),
            }
        }
        PendingReason::HeldForReservation { job, task } => format!(
            "fits now, but would delay task {} of job {job}, which capacity is reserved for",
            task + 1
        ),
        PendingReason::Outranked { position, policy } => {
            format!("{} in the order of {policy}", place(*position))
        }
    }
}

fn place(position: Position) -> String {
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
fn amount(resource: Resource, value: u64) -> String {
    match resource {
        Resource::Gpu => format!("{value} gpu"),
        Resource::Cpu | Resource::Memory | Resource::Disk => {
            format!("{} {resource}", bare_amount(resource, value))
        }
    }
}

fn bare_amount(resource: Resource, value: u64) -> String {
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
        Resource::Gpu => value.to_string(),
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
fn clock(at: Timestamp) -> String {
    let second_of_day = at.0.div_euclid(1_000).rem_euclid(86_400);
    format!(
        "{:02}:{:02}:{:02} UTC",
        second_of_day / 3_600,
        second_of_day / 60 % 60,
        second_of_day % 60
    )
}

#[cfg(test)]
mod tests {
    use drover_model::JobId;

    use super::*;

    fn says(reason: &PendingReason) -> String {
        let tasks = [v1::TaskSpec {
            name: "a".to_owned(),
            ..Default::default()
        }];
        words(reason, &tasks, false)
    }

    fn fits_nowhere(resource: Resource, wanted: u64, largest: u64) -> String {
        says(&PendingReason::NoNodeFits {
            resource,
            wanted,
            largest,
        })
    }

    #[test]
    fn dependencies_are_named() {
        let says = |unmet| says(&PendingReason::Dependency { task: 0, unmet });
        assert_eq!(says(1), "waits for task `a`");
        assert_eq!(says(2), "waits for task `a` and 1 more");
        assert_eq!(says(5), "waits for task `a` and 4 more");
    }

    #[test]
    fn what_fits_nowhere_is_said_with_numbers() {
        assert_eq!(
            fits_nowhere(Resource::Cpu, 64_000, 8_000),
            "no node has 64 cpu: the largest has 8"
        );
        assert_eq!(
            fits_nowhere(Resource::Cpu, 1_250, 500),
            "no node has 1.25 cpu: the largest has 0.5"
        );
        assert_eq!(
            fits_nowhere(Resource::Memory, 64 << 30, 8_053_063_680),
            "no node has 64 GiB memory: the largest has 7.5 GiB"
        );
        assert_eq!(
            fits_nowhere(Resource::Gpu, 1, 0),
            "no node has 1 gpu: the largest has 0"
        );
        assert_eq!(
            fits_nowhere(Resource::Disk, u64::MAX, 1_023),
            "no node has 15.9 EiB disk: the largest has 1023 B"
        );
    }

    #[test]
    fn places_in_line_are_words_then_numbers() {
        let says = |position| {
            says(&PendingReason::Outranked {
                position: Position(position),
                policy: "edf",
            })
        };
        assert_eq!(says(3), "third in the order of edf");
        assert_eq!(says(11), "number 11 in the order of edf");
        assert_eq!(says(10_000), "beyond place 10000 in the order of edf");
    }

    #[test]
    fn waiting_and_reservations_are_told() {
        assert_eq!(
            says(&PendingReason::WaitsForCapacity {
                resource: Resource::Cpu,
                position: Position(1),
                reserved: Some(("n1".into(), Timestamp(45_296_000))),
            }),
            "waits for cpu, first in line; node `n1` is reserved from about 12:34:56 UTC"
        );
        assert_eq!(
            says(&PendingReason::Backoff {
                until: Timestamp(1_000)
            }),
            "waits to be tried again at 00:00:01 UTC"
        );
        assert_eq!(
            says(&PendingReason::NoNodes),
            "no agent is connected that takes new work"
        );
        assert_eq!(
            says(&PendingReason::Finally),
            "runs when everything else has ended"
        );
        assert_eq!(
            says(&PendingReason::Quarantined {
                until: Timestamp(60_000)
            }),
            "every node that has room for it is quarantined, the first until 00:01:00 UTC"
        );
        assert!(
            says(&PendingReason::HeldForReservation {
                job: JobId::from_u128(7),
                task: 0
            })
            .contains("task 1 of job 00000000")
        );
    }
}
