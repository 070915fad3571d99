//! What ran where, and when.

use std::collections::BTreeMap;

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, VPos},
};

use super::{
    PlotError,
    canvas::{Area, page},
    rows::{RowAxes, Rows},
    scale::TimeUnit,
    style::{ALARM, HEIGHT, LINE, SMALL, TEXT, anchored, letters, width_of},
};
use crate::simulate::{AttemptOutcome, Outcome};

/// Titles, axis and margins.
const AROUND: u32 = 180;
const TALLEST: u32 = 1_400;
const LANE: u32 = 26;
/// Between bars of neighbouring lanes, in lanes.
const GAP: f64 = 0.08;

/// Attempts of one run: a row for each node, as many lanes in it as it ran at once, a colour for each job, a red frame
/// around what did not succeed. Shows the first `most` attempts by start, and says of how many.
pub fn gantt(title: &str, outcome: &Outcome, most: usize) -> Result<String, PlotError> {
    let chart = Schedule::of(outcome, most);
    if chart.bars.is_empty() {
        return Err(PlotError::Nothing {
            title: title.to_owned(),
            remedy: "simulate with attempts kept, and show at least one",
        });
    }
    let all = outcome.attempts.len();
    let shown = if chart.bars.len() < all {
        format!("first {} of {all} attempts", chart.bars.len())
    } else {
        format!("{all} attempts")
    };
    let subtitle = format!("{shown}; colours and numbers are jobs, red frames did not succeed");
    let height = (AROUND + chart.lanes * LANE).clamp(HEIGHT / 2, TALLEST);
    page(height, title, &subtitle, |body| chart.draw(body))
}

/// Where each bar goes.
struct Schedule<'a> {
    bars: Vec<Placed<'a>>,
    nodes: Vec<Row<'a>>,
    lanes: u32,
    begin_ms: u64,
    end_ms: u64,
}

struct Placed<'a> {
    attempt: &'a AttemptOutcome,
    /// From the top of the picture.
    lane: u32,
}

/// A node, and its lanes.
struct Row<'a> {
    node: &'a str,
    first_lane: u32,
    lanes: u32,
}

impl<'a> Schedule<'a> {
    fn of(outcome: &'a Outcome, most: usize) -> Self {
        let mut attempts: Vec<&AttemptOutcome> = outcome.attempts.iter().collect();
        attempts.sort_unstable_by_key(|one| {
            (
                one.started_ms,
                one.ended_ms,
                one.job,
                one.task,
                one.instance,
                one.attempt,
            )
        });
        attempts.truncate(most);
        // By length first: node-2 before node-10.
        let mut by_node: BTreeMap<(usize, &str), Vec<&AttemptOutcome>> = BTreeMap::new();
        for attempt in &attempts {
            let node: &str = &attempt.node;
            by_node.entry((node.len(), node)).or_default().push(attempt);
        }
        let mut schedule = Self {
            bars: Vec::with_capacity(attempts.len()),
            nodes: Vec::with_capacity(by_node.len()),
            lanes: 0,
            begin_ms: attempts.first().map_or(0, |first| first.started_ms),
            end_ms: attempts.iter().map(|one| one.ended_ms).max().unwrap_or(0),
        };
        for ((_, node), attempts) in by_node {
            schedule.add(node, &attempts);
        }
        schedule
    }

    /// Each attempt into the first lane that is free by its start.
    fn add(&mut self, node: &'a str, attempts: &[&'a AttemptOutcome]) {
        let mut free_from: Vec<u64> = Vec::new();
        for attempt in attempts {
            let lane = free_from
                .iter()
                .position(|free| *free <= attempt.started_ms);
            let lane = lane.unwrap_or_else(|| {
                free_from.push(0);
                free_from.len() - 1
            });
            free_from[lane] = attempt.ended_ms;
            self.bars.push(Placed {
                attempt,
                lane: self.lanes + lane as u32,
            });
        }
        let lanes = free_from.len() as u32;
        self.nodes.push(Row {
            node,
            first_lane: self.lanes,
            lanes,
        });
        self.lanes += lanes;
    }

    fn draw(&self, body: &Area<'_>) -> Result<(), PlotError> {
        let unit = TimeUnit::of(self.end_ms - self.begin_ms);
        let begin = unit.value(self.begin_ms);
        let end = unit.value(self.end_ms.max(self.begin_ms + 1));
        let axes = RowAxes {
            x: begin..end,
            x_title: format!("time in {}", unit.name),
            rows: f64::from(self.lanes),
            names: self.nodes.iter().map(Row::name).collect(),
            right: 24,
        };
        let mut rows = Rows::new(body, &axes)?;
        for row in self.nodes.iter().skip(1) {
            let y = f64::from(row.first_lane);
            rows.line([(begin, y), (end, y)], LINE)?;
        }
        for bar in &self.bars {
            bar.draw(&mut rows, unit)?;
        }
        Ok(())
    }
}

impl Row<'_> {
    /// With the middle of its lanes.
    fn name(&self) -> (String, f64) {
        let middle = f64::from(self.first_lane) + f64::from(self.lanes) / 2.0;
        (self.node.to_owned(), middle)
    }
}

impl Placed<'_> {
    fn draw(&self, rows: &mut Rows<'_, '_>, unit: TimeUnit) -> Result<(), PlotError> {
        let (from, to) = (self.attempt.started_ms, self.attempt.ended_ms);
        let top = f64::from(self.lane);
        let corners = [
            (unit.value(from), top + GAP),
            (unit.value(to), top + 1.0 - GAP),
        ];
        rows.rectangle(corners, colour_of_job(self.attempt.job).filled())?;
        let frame = if self.attempt.succeeded { WHITE } else { ALARM };
        rows.rectangle(corners, frame)?;
        self.label(rows, corners.map(|corner| rows.pixel(corner)))
    }

    /// The job's number, where it has room.
    fn label(&self, rows: &Rows<'_, '_>, corners: [(i32, i32); 2]) -> Result<(), PlotError> {
        let text = self.attempt.job.to_string();
        let [from, to] = corners;
        let has_room = to.0 - from.0 > width_of(&text, SMALL) + 4 && to.1 - from.1 > SMALL as i32;
        if has_room {
            let middle = ((from.0 + to.0) / 2, (from.1 + to.1) / 2);
            let style = anchored(&letters(SMALL, TEXT), HPos::Center, VPos::Center);
            rows.write(&text, middle, &style)?;
        }
        Ok(())
    }
}

/// Light enough for dark letters. Neighbouring numbers are far apart: by the golden angle on the colour wheel.
fn colour_of_job(job: u32) -> RGBColor {
    let hue = (f64::from(job) * 0.618_033_988_749_895).fract();
    let lightness = 0.66 + 0.10 * f64::from(job % 3) / 2.0;
    let (red, green, blue) = HSLColor(hue, 0.60, lightness).rgb();
    RGBColor(red, green, blue)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::synthetic;

    #[test]
    fn what_runs_at_once_has_lanes_of_its_own() {
        let outcome = synthetic::outcome();
        let schedule = Schedule::of(&outcome, usize::MAX);
        assert_eq!(schedule.bars.len(), outcome.attempts.len());
        for (place, one) in schedule.bars.iter().enumerate() {
            for other in &schedule.bars[place + 1..] {
                let apart = one.attempt.ended_ms <= other.attempt.started_ms
                    || other.attempt.ended_ms <= one.attempt.started_ms;
                assert!(apart || one.lane != other.lane);
            }
        }
    }

    #[test]
    fn says_what_it_leaves_out() {
        let document = gantt("Gantt", &synthetic::outcome(), 5).expect("it can be drawn");
        assert!(document.contains("first 5 of 21 attempts"));
        assert!(document.contains("node-1"));
        assert!(gantt("Gantt", &synthetic::outcome(), 0).is_err());
    }

    #[test]
    fn equal_outcomes_give_equal_bytes() {
        let draw = || gantt("Gantt", &synthetic::outcome(), 100).expect("it can be drawn");
        assert_eq!(draw(), draw());
        assert!(draw().contains(&format!("#{:02X}{:02X}{:02X}", ALARM.0, ALARM.1, ALARM.2)));
    }
}
