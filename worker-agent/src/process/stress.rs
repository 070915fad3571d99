//! Loads made by `stress-ng`, and what it says of them.

use std::{ffi::OsString, time::Duration};

use drover_model::{Outcome, session::End};

pub(super) const PROGRAM: &str = "stress-ng";

/// `stress-ng` counts in whole seconds, and 0 means for ever.
pub(super) fn args(cpu: u32, memory_bytes: u64, duration: Duration) -> Vec<OsString> {
    let seconds = duration.as_millis().div_ceil(1_000).max(1);
    let mut args: Vec<OsString> = Vec::new();
    let mut option = |name: &str, value: String| {
        args.push(name.into());
        args.push(value.into());
    };
    if cpu > 0 {
        option("--cpu", cpu.to_string());
    }
    if memory_bytes > 0 {
        option("--vm", "1".to_owned());
        option("--vm-bytes", memory_bytes.to_string());
    }
    option("--timeout", format!("{seconds}s"));
    args.push("--metrics-brief".into());
    args
}

pub(super) fn missing(node: &str) -> String {
    format!(
        "stress-ng is not installed on node {node}: install the package stress-ng, or start the agent with --simulate"
    )
}

/// Adds what was measured to a success; the end of what was printed explains a failure.
pub(super) fn with_metrics(mut end: End, output: &[u8]) -> End {
    let output = String::from_utf8_lossy(output);
    match end.outcome {
        Outcome::Succeeded => end.message = metrics(&output).map(String::into_boxed_str),
        Outcome::Failed => {
            if let Some(line) = output.lines().rev().find(|line| !line.trim().is_empty()) {
                let what = end.message.take().unwrap_or_default();
                end.message = Some(format!("{what}: {}", line.trim()).into_boxed_str());
            }
        }
        Outcome::Stopped | Outcome::Stalled | Outcome::Fenced | Outcome::Refused => {}
    }
    end
}

/// `stress-ng: metrc: [77] cpu  1234  5.00  9.98 ...`: stressor, operations, seconds.
fn metrics(output: &str) -> Option<String> {
    let measured: Vec<String> = output
        .lines()
        .filter_map(|line| {
            let mut words = line.split_once("] ")?.1.split_whitespace();
            let stressor = words.next()?;
            let operations: u64 = words.next()?.parse().ok()?;
            let seconds: f64 = words.next()?.parse().ok()?;
            words.next()?.parse::<f64>().ok()?;
            Some(format!(
                "{stressor} {operations} bogo ops in {seconds:.2} s"
            ))
        })
        .collect();
    (!measured.is_empty()).then(|| measured.join(", "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{args, metrics};

    #[test]
    fn arguments_name_every_worker_and_whole_seconds() {
        let words = |cpu, memory, duration| {
            args(cpu, memory, duration)
                .join(" ".as_ref())
                .into_string()
                .expect("UTF-8")
        };
        assert_eq!(
            words(2, 4096, Duration::from_millis(4_200)),
            "--cpu 2 --vm 1 --vm-bytes 4096 --timeout 5s --metrics-brief"
        );
        assert_eq!(
            words(1, 0, Duration::ZERO),
            "--cpu 1 --timeout 1s --metrics-brief"
        );
    }

    #[test]
    fn metrics_of_old_and_new_versions_are_found() {
        let new = "\
stress-ng: info:  [77] dispatching hogs: 1 cpu
stress-ng: metrc: [77] stressor       bogo ops real time  usr time  sys time   bogo ops/s     bogo ops/s
stress-ng: metrc: [77]                           (secs)    (secs)    (secs)   (real time) (usr+sys time)
stress-ng: metrc: [77] cpu                1234      5.00      9.98      0.00       246.80         123.65
stress-ng: metrc: [77] vm                   99      5.01      1.00      0.50        19.80          66.00
stress-ng: info:  [77] successful run completed in 5.00 secs";
        let expected = "cpu 1234 bogo ops in 5.00 s, vm 99 bogo ops in 5.01 s";
        assert_eq!(metrics(new).as_deref(), Some(expected));
        let old = new.replace("metrc:", "info: ");
        assert_eq!(metrics(&old).as_deref(), Some(expected));
        assert_eq!(metrics("stress-ng: info:  [77] nothing"), None);
    }
}
