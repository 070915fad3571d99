//! J of all policies on all workloads, for a page: a row for each workload and mode, a column for each policy.

use crate::evaluate::{Cell, Contender, Evaluation};

/// As Markdown. The best of each workload, over all modes, is bold.
pub fn matrix(evaluation: &Evaluation) -> String {
    let contenders = evaluation.contenders();
    let policies = distinct(contenders.iter().map(|contender| &*contender.policy));
    let modes = distinct(contenders.iter().map(|contender| &*contender.mode));
    let mut text = format!("| workload | mode | {} |\n", policies.join(" | "));
    text += &format!("|---|---|{}\n", "--:|".repeat(policies.len()));
    for cell in evaluation.cells() {
        let all = (0..contenders.len()).filter_map(|place| objective(cell, place));
        let best = all.fold(f64::INFINITY, f64::min);
        for mode in &modes {
            let value = |policy: &&str| {
                let is_meant = |contender: &Contender| {
                    (&*contender.policy, &*contender.mode) == (*policy, *mode)
                };
                let place = contenders.iter().position(is_meant)?;
                objective(cell, place)
            };
            let values = policies.iter().map(|policy| shown(value(policy), best));
            let row = values.collect::<Vec<String>>().join(" | ");
            text += &format!("| {} | {mode} | {row} |\n", cell.workload);
        }
    }
    text
}

/// In the order in which they come first.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found = Vec::new();
    for name in names {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

fn objective(cell: &Cell, place: usize) -> Option<f64> {
    cell.mean(place).map(|figures| figures.objective)
}

/// Two decimals; what rounds to the best is as good.
fn shown(value: Option<f64>, best: f64) -> String {
    let Some(value) = value else {
        return "-".to_owned();
    };
    let text = format!("{value:.2}");
    if text == format!("{best:.2}") {
        format!("**{text}**")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::synthetic::evaluation;

    #[test]
    fn the_best_of_each_workload_is_bold() {
        let text = matrix(&evaluation());
        let rows: Vec<&str> = text.lines().skip(2).collect();
        assert!(
            rows.iter()
                .any(|row| row.starts_with("| steady 0.90 | greedy |"))
        );
        for workload in ["steady 0.90", "bursty 1.10"] {
            let of = rows.iter().filter(|row| row.contains(workload));
            let bold: usize = of.map(|row| row.matches("**").count() / 2).sum();
            assert!(bold >= 1, "{text}");
        }
    }
}
