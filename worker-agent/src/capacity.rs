//! What the host offers.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use drover_model::Resources;
use nix::sys::statvfs::statvfs;

use crate::AgentError;

/// What was given, else what is found.
pub(crate) fn offered(given: Given, work_dir: &Path) -> Result<Resources, AgentError> {
    Ok(Resources {
        cpu_millis: given.cpu_millis.unwrap_or_else(cores),
        memory_bytes: match given.memory_bytes {
            Some(bytes) => bytes,
            None => memory()?,
        },
        gpus: given.gpus,
        disk_bytes: match given.disk_bytes {
            Some(bytes) => bytes,
            None => disk(work_dir)?,
        },
        named: named(given.custom)?,
    })
}

/// What somebody says that it offers.
pub(crate) struct Given {
    pub(crate) cpu_millis: Option<u64>,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) gpus: u32,
    pub(crate) disk_bytes: Option<u64>,
    pub(crate) custom: Vec<(String, u64)>,
}

/// By name, each once.
fn named(custom: Vec<(String, u64)>) -> Result<Vec<(Arc<str>, u64)>, AgentError> {
    let mut named = BTreeMap::new();
    for (name, count) in custom {
        if named.insert(name.clone(), count).is_some() {
            return Err(AgentError::Resource { name });
        }
    }
    Ok(named
        .into_iter()
        .map(|(name, count)| (name.into(), count))
        .collect())
}

/// Honours the affinity mask and cgroup quotas.
fn cores() -> u64 {
    std::thread::available_parallelism().map_or(1, |count| count.get() as u64) * 1_000
}

/// The limit of the agent's cgroup where it has one.
fn memory() -> Result<u64, AgentError> {
    let mut system = sysinfo::System::new().map_err(AgentError::Memory)?;
    system.refresh_memory();
    let total = system.total_memory();
    Ok(match system.cgroup_limits() {
        Some(limits) if limits.total_memory > 0 => total.min(limits.total_memory),
        _ => total,
    })
}

fn disk(path: &Path) -> Result<u64, AgentError> {
    let stat = statvfs(path).map_err(|error| AgentError::Disk {
        path: path.to_owned(),
        source: error.into(),
    })?;
    Ok(stat.blocks().saturating_mul(stat.fragment_size()))
}

/// `4`, `0.5`, `500m`, in thousandths.
pub(crate) fn parse_cores(text: &str) -> Result<u64, String> {
    let problem = || format!("`{text}` is not a number of cores such as 4, 0.5 or 500m");
    if let Some(millis) = text.strip_suffix('m') {
        return digits(millis).ok_or_else(problem);
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.len() > 3 {
        return Err(format!("`{text}` is finer than a thousandth of a core"));
    }
    let scale = 10_u64.pow(3 - fraction.len() as u32);
    let thousandths = digits(fraction).ok_or_else(problem)? * scale;
    digits(whole)
        .and_then(|whole| whole.checked_mul(1_000)?.checked_add(thousandths))
        .filter(|millis| i64::try_from(*millis).is_ok())
        .ok_or_else(problem)
}

/// `1024`, `512Mi`, `8Gi`, `1G`, in bytes.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let split = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit: u64 = match unit {
        "" | "B" => 1,
        "k" | "K" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        _ => return Err(format!("`{unit}` is not one of k, M, G, T, Ki, Mi, Gi, Ti")),
    };
    digits(number)
        .and_then(|number| number.checked_mul(unit))
        .filter(|bytes| i64::try_from(*bytes).is_ok())
        .ok_or_else(|| format!("`{text}` is not an amount of bytes such as 512Mi or 8Gi"))
}

/// Digits only: no sign, no space.
fn digits(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{parse_bytes, parse_cores};

    #[test]
    fn cores_are_thousandths() {
        for (text, millis) in [("4", 4_000), ("0.5", 500), ("1.25", 1_250), ("500m", 500)] {
            assert_eq!(parse_cores(text), Ok(millis), "{text}");
        }
        for text in [
            "",
            "-1",
            "+1",
            "1.",
            "1.2345",
            "m",
            "99999999999999999999",
            "18446744073709551615",
        ] {
            assert!(parse_cores(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bytes_have_units() {
        for (text, bytes) in [
            ("7", 7),
            ("2k", 2_000),
            ("512Mi", 512 << 20),
            ("8Gi", 8 << 30),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "Gi",
            "-1",
            "1 Gi",
            "1Zi",
            "9223372036854775808",
            "99999999Ti",
        ] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }
}
