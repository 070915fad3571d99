//! A table of numbers, as text and as Markdown.

use std::fmt::Write as _;

use crate::evaluate::Better;

/// Columns of a terminal that a table keeps to; what does not fit goes into a second block under the first.
pub const WIDTH: usize = 120;

const GAP: &str = "  ";
const BOLD_GREEN: &str = "\x1b[1;32m";
const RESET: &str = "\x1b[0m";

/// How the best of a column stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emphasis {
    /// By an asterisk: for files and pipes.
    Mark,
    /// By colour: for terminals.
    Colour,
}

/// Keys to the left, columns of cells beside them.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    pub title: String,
    /// Headings of the keys.
    pub keys: Vec<String>,
    pub rows: Vec<Vec<String>>,
    pub columns: Vec<Column>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub heading: String,
    /// One for each row.
    pub cells: Vec<Cell>,
    pub better: Better,
}

/// A text, and the number by which the best is found.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    pub text: String,
    pub value: Option<f64>,
}

impl Cell {
    /// Two decimals; a dash for nothing.
    pub fn number(value: Option<f64>) -> Self {
        Self {
            text: value.map_or_else(|| "-".to_owned(), decimals),
            value,
        }
    }

    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            value: None,
        }
    }
}

/// Two decimals, and no negative zero.
pub(super) fn decimals(value: f64) -> String {
    let text = format!("{value:.2}");
    if text == "-0.00" {
        "0.00".to_owned()
    } else {
        text
    }
}

impl Column {
    /// Those that show the best value. Nothing is best where all are equal.
    fn best(&self) -> Vec<bool> {
        let values = || self.cells.iter().filter_map(|cell| cell.value);
        let best = match self.better {
            Better::Lower => values().min_by(f64::total_cmp),
            Better::Higher => values().max_by(f64::total_cmp),
            Better::Neither => None,
        };
        let best = best.map(decimals);
        let is_best: Vec<bool> = self
            .cells
            .iter()
            .map(|cell| cell.value.is_some() && cell.value.map(decimals) == best)
            .collect();
        if is_best.iter().all(|is_best| *is_best) {
            vec![false; is_best.len()]
        } else {
            is_best
        }
    }

    fn width(&self) -> usize {
        let cells = self.cells.iter().map(|cell| length(&cell.text));
        // One more for the mark.
        cells.max().unwrap_or(0).max(length(&self.heading)) + 1
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

impl Grid {
    pub fn text(&self, emphasis: Emphasis) -> String {
        let mut text = format!("{}\n", self.title);
        let keys = self.key_widths();
        let keys_width: usize = keys.iter().map(|width| width + GAP.len()).sum();
        for block in blocks(&self.columns, WIDTH.saturating_sub(keys_width)) {
            self.write_block(&mut text, &keys, block, emphasis);
        }
        text
    }

    fn key_widths(&self) -> Vec<usize> {
        let width = |(place, heading): (usize, &String)| {
            let rows = self.rows.iter().map(|row| length(&row[place]));
            rows.max().unwrap_or(0).max(length(heading))
        };
        self.keys.iter().enumerate().map(width).collect()
    }

    fn write_block(&self, text: &mut String, keys: &[usize], block: &[Column], emphasis: Emphasis) {
        let best: Vec<Vec<bool>> = block.iter().map(Column::best).collect();
        write_keys(text, &self.keys, keys);
        for column in block {
            let width = column.width() - 1;
            let _ = write!(text, "{GAP}{:>width$} ", column.heading);
        }
        end_line(text);
        for (place, row) in self.rows.iter().enumerate() {
            write_keys(text, row, keys);
            for (column, best) in block.iter().zip(&best) {
                text.push_str(GAP);
                let cell = &column.cells[place].text;
                write_cell(text, cell, column.width(), best[place], emphasis);
            }
            end_line(text);
        }
    }

    pub fn markdown(&self) -> String {
        let mut text = format!("**{}**\n\n", self.title);
        let headings = self.columns.iter().map(|column| escaped(&column.heading));
        let headings: Vec<String> = self.keys.iter().cloned().chain(headings).collect();
        let left = vec!["---"; self.keys.len()];
        let right = vec!["---:"; self.columns.len()];
        let _ = writeln!(text, "| {} |", headings.join(" | "));
        let _ = writeln!(text, "| {} |", [left, right].concat().join(" | "));
        let best: Vec<Vec<bool>> = self.columns.iter().map(Column::best).collect();
        for (place, row) in self.rows.iter().enumerate() {
            let cells = self.columns.iter().zip(&best).map(|(column, best)| {
                let cell = escaped(&column.cells[place].text);
                if best[place] {
                    format!("**{cell}**")
                } else {
                    cell
                }
            });
            let keys = row.iter().map(|key| escaped(key));
            let line: Vec<String> = keys.chain(cells).collect();
            let _ = writeln!(text, "| {} |", line.join(" | "));
        }
        text
    }
}

/// As many columns as fit, at least one, then the next.
fn blocks(columns: &[Column], width: usize) -> Vec<&[Column]> {
    let mut blocks = Vec::new();
    let mut begin = 0;
    let mut used = 0;
    for (place, column) in columns.iter().enumerate() {
        let needed = GAP.len() + column.width();
        if used + needed > width && place > begin {
            blocks.push(&columns[begin..place]);
            (begin, used) = (place, 0);
        }
        used += needed;
    }
    blocks.push(&columns[begin..]);
    blocks
}

fn write_keys(text: &mut String, keys: &[String], widths: &[usize]) {
    for (place, (key, width)) in keys.iter().zip(widths).enumerate() {
        let gap = if place == 0 { "" } else { GAP };
        let _ = write!(text, "{gap}{key:<width$}");
    }
}

fn write_cell(text: &mut String, cell: &str, width: usize, best: bool, emphasis: Emphasis) {
    let width = width - 1;
    let _ = match (best, emphasis) {
        (false, _) => write!(text, "{cell:>width$} "),
        (true, Emphasis::Mark) => write!(text, "{cell:>width$}*"),
        (true, Emphasis::Colour) => write!(text, "{BOLD_GREEN}{cell:>width$}{RESET} "),
    };
}

fn end_line(text: &mut String) {
    text.truncate(text.trim_end_matches(' ').len());
    text.push('\n');
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(columns: usize) -> Grid {
        let column = |place: usize| Column {
            heading: format!("column {place}"),
            cells: [Some(1234.5), Some(0.004), None].map(Cell::number).into(),
            better: if place == 1 {
                Better::Higher
            } else {
                Better::Lower
            },
        };
        Grid {
            title: "Example".to_owned(),
            keys: vec!["policy".to_owned(), "mode".to_owned()],
            rows: ["saf", "fifo", "long|name"]
                .map(|policy| vec![policy.to_owned(), "easy".to_owned()])
                .into(),
            columns: (0..columns).map(column).collect(),
        }
    }

    #[test]
    fn aligned_and_marked() {
        let expected = "\
Example
policy     mode  column 0   column 1
saf        easy   1234.50    1234.50*
fifo       easy      0.00*      0.00
long|name  easy         -          -
";
        assert_eq!(grid(2).text(Emphasis::Mark), expected);
        let coloured = grid(2).text(Emphasis::Colour);
        assert!(!coloured.contains('*'));
        assert!(coloured.contains("\x1b[1;32m    0.00\x1b[0m"));
    }

    #[test]
    fn wide_tables_wrap() {
        let text = grid(25).text(Emphasis::Mark);
        assert!(text.lines().all(|line| length(line) <= WIDTH));
        assert_eq!(
            text.lines()
                .filter(|line| line.starts_with("policy"))
                .count(),
            3
        );
        assert!(text.contains("column 24"));
    }

    #[test]
    fn as_markdown() {
        let expected = "\
**Example**

| policy | mode | column 0 | column 1 |
| --- | --- | ---: | ---: |
| saf | easy | 1234.50 | **1234.50** |
| fifo | easy | **0.00** | 0.00 |
| long\\|name | easy | - | - |
";
        assert_eq!(grid(2).markdown(), expected);
    }

    #[test]
    fn nobody_is_best_where_all_are_equal() {
        let column = Column {
            heading: "same".to_owned(),
            cells: vec![Cell::number(Some(1.001)), Cell::number(Some(1.0))],
            better: Better::Lower,
        };
        assert_eq!(column.best(), [false, false]);
        assert_eq!(decimals(-0.001), "0.00");
    }
}
