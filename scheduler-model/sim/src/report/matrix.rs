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
    use crate::evaluate::{
        Figures, Run,
        synthetic::{contender, outcome},
    };

    /// Of one run each.
    fn cell(objectives: [f64; 3]) -> Vec<Vec<Run>> {
        let run = |objective| Run {
            seed: 1,
            figures: Figures {
                objective,
                ..Figures::of(&outcome())
            },
        };
        objectives.map(|objective| vec![run(objective)]).into()
    }

    #[test]
    fn the_best_of_each_workload_is_bold() {
        let contenders = [("saf", "easy"), ("fifo", "easy"), ("saf", "greedy")];
        let contenders = contenders.map(|(policy, mode)| contender(policy, mode));
        let mut evaluation = Evaluation::new(contenders.into(), None).unwrap();
        evaluation
            .add("steady 0.9", cell([2.001, 2.004, 2.006]))
            .unwrap();
        evaluation
            .add("bursty 1.1", cell([10.0, 20.0, 9.5]))
            .unwrap();
        let expected = "\
| workload | mode | saf | fifo |
|---|---|--:|--:|
| steady 0.9 | easy | **2.00** | **2.00** |
| steady 0.9 | greedy | 2.01 | - |
| bursty 1.1 | easy | 10.00 | 20.00 |
| bursty 1.1 | greedy | **9.50** | - |
";
        assert_eq!(matrix(&evaluation), expected);
    }
}
