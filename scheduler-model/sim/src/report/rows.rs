//! One row for each run, in full precision: what other tools go on from.

use std::io::Write;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::evaluate::{Evaluation, METRICS, Run};

const KEYS: [&str; 4] = ["workload", "policy", "mode", "seed"];

/// Why figures could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("cannot write CSV: {0}")]
    Csv(#[from] csv::Error),
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("cannot write: {0}")]
    Io(#[from] std::io::Error),
}

/// A heading, then a row for each run with all of [`METRICS`]; empty where a run has nothing of one.
pub fn write_csv(evaluation: &Evaluation, to: impl Write) -> Result<(), WriteError> {
    let mut writer = csv::Writer::from_writer(to);
    let names = METRICS.iter().map(|metric| metric.name);
    writer.write_record(KEYS.into_iter().chain(names))?;
    for (keys, run) in runs(evaluation) {
        let values = METRICS.iter().map(|metric| (metric.of)(&run.figures));
        let values = values.map(|value| value.map_or_else(String::new, |value| value.to_string()));
        let seed = run.seed.to_string();
        writer.write_record(
            keys.map(str::to_owned)
                .into_iter()
                .chain([seed])
                .chain(values),
        )?;
    }
    writer.flush()?;
    Ok(())
}

/// The same as one JSON object a line.
pub fn write_jsonl(evaluation: &Evaluation, mut to: impl Write) -> Result<(), WriteError> {
    for (keys, run) in runs(evaluation) {
        let [workload, policy, mode] = keys;
        let metrics = METRICS.iter().map(|metric| {
            let value = (metric.of)(&run.figures);
            (metric.name.to_owned(), Value::from(value))
        });
        let row = Row {
            workload,
            policy,
            mode,
            seed: run.seed,
            metrics: metrics.collect(),
        };
        serde_json::to_writer(&mut to, &row)?;
        to.write_all(b"\n")?;
    }
    to.flush()?;
    Ok(())
}

#[derive(Serialize)]
struct Row<'a> {
    workload: &'a str,
    policy: &'a str,
    mode: &'a str,
    seed: u64,
    #[serde(flatten)]
    metrics: Map<String, Value>,
}

/// By workload, then policy, then seed, as they were added.
fn runs(evaluation: &Evaluation) -> impl Iterator<Item = ([&str; 3], &Run)> {
    evaluation.cells().iter().flat_map(|cell| {
        let contenders = evaluation.contenders().iter().enumerate();
        contenders.flat_map(move |(place, contender)| {
            let keys: [&str; 3] = [&cell.workload, &contender.policy, &contender.mode];
            cell.runs(place).iter().map(move |run| (keys, run))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{Figures, synthetic::evaluation};

    #[test]
    fn a_line_for_each_run() {
        let evaluation = evaluation();
        let mut bytes = Vec::new();
        write_csv(&evaluation, &mut bytes).expect("memory takes all");
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let headings = reader.headers().expect("it has some").clone();
        assert_eq!(headings.len(), 4 + METRICS.len());
        let rows: Vec<csv::StringRecord> =
            reader.records().map(|row| row.expect("whole")).collect();
        assert_eq!(rows.len(), 2 * 3 * 5);
        let place = headings.iter().position(|name| name == "objective");
        let written: f64 = rows[0][place.expect("a column")].parse().expect("a number");
        let figures: &Figures = &evaluation.cells()[0].runs(0)[0].figures;
        assert_eq!(written, figures.objective);
    }

    #[test]
    fn a_json_object_for_each_run() {
        let mut bytes = Vec::new();
        write_jsonl(&evaluation(), &mut bytes).expect("memory takes all");
        let text = String::from_utf8(bytes).expect("it is text");
        let rows: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line is an object"))
            .collect();
        assert_eq!(rows.len(), 30);
        assert_eq!(
            (&rows[5]["policy"], &rows[5]["seed"]),
            (&"fifo".into(), &1.into())
        );
        assert!(rows[5]["wait_s_p99"].is_number());
    }
}
