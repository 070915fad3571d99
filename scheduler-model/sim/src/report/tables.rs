//! The tables of one workload.

use super::grid::{Cell, Column, Grid, decimals};
use crate::evaluate::{
    self, Better, Evaluation, Figures, Interval, Metric, PairedComparison, Unit, metric,
};

/// What stands together in a table, by the names of metrics.
const SLOWDOWN: [&str; 5] = [
    "bounded_slowdown_mean",
    "bounded_slowdown_median",
    "bounded_slowdown_p95",
    "bounded_slowdown_p99",
    "bounded_slowdown_max",
];
const FLOW_TIME: [&str; 5] = [
    "flow_time_s_mean",
    "flow_time_s_median",
    "flow_time_s_p95",
    "flow_time_s_p99",
    "flow_time_s_max",
];
const WAIT: [&str; 5] = [
    "wait_s_mean",
    "wait_s_median",
    "wait_s_p95",
    "wait_s_p99",
    "wait_s_max",
];
const SERVICE: [&str; 5] = [
    "starved_share",
    "fairness",
    "unsuccessful",
    "throughput_per_hour",
    "makespan_s",
];
const CLUSTER: [&str; 4] = ["utilisation", "utilisation_published", "cost", "energy_kwh"];
const DEADLINES: [&str; 8] = [
    "deadline_missed",
    "deadline_miss_rate",
    "deadline_miss_rate_low",
    "deadline_miss_rate_normal",
    "deadline_miss_rate_high",
    "deadline_miss_rate_urgent",
    "tardiness_s_mean",
    "tardiness_s_weighted",
];

/// J, slowdown, flow times, waits, deadlines (where there are any), service, cluster; the first number of each but the last two
/// also against the baseline. What no contender has anything of is left out.
pub fn tables(evaluation: &Evaluation, cell: &evaluate::Cell) -> Vec<Grid> {
    let shown = Shown {
        evaluation,
        cell,
        means: (0..evaluation.contenders().len())
            .map(|place| cell.mean(place))
            .collect(),
    };
    let mut tables = vec![
        shown.grid("J", shown.compared("J", &["objective"])),
        shown.grid("bounded slowdown", shown.compared("mean", &SLOWDOWN)),
        shown.grid("flow time in s", shown.compared("mean", &FLOW_TIME)),
        shown.grid("wait in s", shown.compared("mean", &WAIT)),
    ];
    let has_deadlines = |mean: &Figures| mean.deadlines.jobs > 0;
    if shown.means.iter().flatten().any(has_deadlines) {
        tables.push(shown.grid("deadlines", shown.compared("missed", &DEADLINES)));
    }
    tables.push(shown.grid("service", shown.columns(&SERVICE)));
    tables.push(shown.grid("cluster", shown.columns(&CLUSTER)));
    tables
}

pub(super) fn keys() -> Vec<String> {
    vec!["policy".to_owned(), "mode".to_owned()]
}

pub(super) fn key_rows(evaluation: &Evaluation) -> Vec<Vec<String>> {
    let contenders = evaluation.contenders().iter();
    contenders
        .map(|contender| vec![contender.policy.to_string(), contender.mode.to_string()])
        .collect()
}

struct Shown<'a> {
    evaluation: &'a Evaluation,
    cell: &'a evaluate::Cell,
    /// By contender.
    means: Vec<Option<Figures>>,
}

impl Shown<'_> {
    fn grid(&self, what: &str, columns: Vec<Column>) -> Grid {
        let runs = self.cell.runs(self.evaluation.baseline()).len();
        Grid {
            title: format!("{}: {what} ({runs} runs)", self.cell.workload),
            keys: keys(),
            rows: key_rows(self.evaluation),
            columns: columns
                .into_iter()
                .filter(|column| column.cells.iter().any(|cell| cell.text != "-"))
                .collect(),
        }
    }

    fn columns(&self, names: &[&str]) -> Vec<Column> {
        let metrics = names.iter().filter_map(|name| metric(name));
        metrics.map(|metric| self.column(metric)).collect()
    }

    fn column(&self, metric: &Metric) -> Column {
        let value = |mean: &Option<Figures>| shown(metric, mean.as_ref().and_then(metric.of));
        Column {
            heading: metric.title.to_owned(),
            cells: self.means.iter().map(value).collect(),
            better: metric.better,
        }
    }

    /// Columns, with the difference of the first to the baseline, and its interval, behind that.
    fn compared(&self, what: &str, names: &[&str]) -> Vec<Column> {
        let mut columns = self.columns(names);
        let Some(first) = names.first().and_then(|name| metric(name)) else {
            return columns;
        };
        let comparisons = (0..self.means.len())
            .map(|place| self.evaluation.compare(self.cell, place, first))
            .collect::<Vec<Option<PairedComparison>>>();
        let baseline = &self.evaluation.contenders()[self.evaluation.baseline()];
        // Counts are shown of all runs together.
        let times = |compared: &PairedComparison| match first.unit {
            Unit::Count => f64::from(compared.pairs),
            Unit::Number | Unit::Seconds | Unit::Share => 1.0,
        };
        let difference = |comparison: &Option<PairedComparison>| {
            let comparison = comparison.as_ref();
            let shown = |compared: &PairedComparison| signed(compared.difference * times(compared));
            Cell::text(comparison.map_or("-".to_owned(), shown))
        };
        let bounds = |comparison: &Option<PairedComparison>| {
            let interval = comparison
                .as_ref()
                .and_then(|compared| Some((compared.interval?, times(compared))));
            Cell::text(
                interval.map_or("-".to_owned(), |(Interval { low, high }, times)| {
                    format!("{} to {}", signed(low * times), signed(high * times))
                }),
            )
        };
        let compared = [
            plain(
                format!("{what} - {baseline}"),
                comparisons.iter().map(difference).collect(),
            ),
            plain(
                "95 % interval".to_owned(),
                comparisons.iter().map(bounds).collect(),
            ),
        ];
        columns.splice(1..1, compared);
        columns
    }
}

fn plain(heading: String, cells: Vec<Cell>) -> Column {
    Column {
        heading,
        cells,
        better: Better::Neither,
    }
}

fn shown(metric: &Metric, value: Option<f64>) -> Cell {
    match metric.unit {
        Unit::Share => Cell::number(value.map(percent)),
        Unit::Count => Cell {
            text: value.map_or_else(|| "-".to_owned(), |value| format!("{value:.0}")),
            value,
        },
        Unit::Number | Unit::Seconds => Cell::number(value),
    }
}

fn percent(share: f64) -> f64 {
    share * 100.0
}

fn signed(value: f64) -> String {
    let text = decimals(value);
    if text.starts_with('-') || text == "0.00" {
        text
    } else {
        format!("+{text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        evaluate::synthetic::evaluation,
        report::grid::{Emphasis, WIDTH},
    };

    fn column_of(table: &Grid, heading: &str) -> Vec<String> {
        let mut columns = table.columns.iter();
        let column = columns.find(|column| column.heading == heading);
        let cells = column.expect("it has that column").cells.iter();
        cells.map(|cell| cell.text.clone()).collect()
    }

    #[test]
    fn everything_fits_and_has_its_place() {
        let evaluation = evaluation();
        let tables = tables(&evaluation, &evaluation.cells()[0]);
        let text: Vec<String> = tables
            .iter()
            .map(|table| table.text(Emphasis::Mark))
            .collect();
        assert_eq!(text.len(), 7);
        assert!(text[0].starts_with("steady 0.90: J (5 runs)\n"));
        assert!(text[0].contains("J - saf/easy") && text[0].contains(" to +"));
        for table in &text[1..4] {
            assert!(
                table.contains("mean - saf/easy") && table.contains(" to +"),
                "{table}"
            );
        }
        assert!(text[4].contains("missed - saf/easy"));
        let missed = column_of(&tables[4], "missed");
        let more = column_of(&tables[4], "missed - saf/easy");
        let number = |text: &str| text.parse::<f64>().expect("a number");
        let expected = number(&missed[1]) - number(&missed[0]);
        assert!(
            expected != 0.0 && number(&more[1]) == expected,
            "of all runs: {more:?}"
        );
        assert!(text[4].contains("missed %") && text[4].contains("urgent %"));
        let lines = text.iter().flat_map(|text| text.lines());
        assert!(lines.into_iter().all(|line| line.chars().count() <= WIDTH));
    }

    #[test]
    fn signs_are_shown() {
        assert_eq!(signed(1.0), "+1.00");
        assert_eq!(signed(-1.0), "-1.00");
        assert_eq!(signed(-0.001), "0.00");
    }
}
