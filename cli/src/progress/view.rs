//! The two ways to show boards.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    board::{Board, News},
    render, screen,
};

pub(super) enum View {
    /// One line of the screen each.
    Live(Vec<ProgressBar>),
    Plain,
}

impl View {
    pub(super) fn new() -> Self {
        if std::io::stderr().is_terminal() {
            screen().set_draw_target(ProgressDrawTarget::stderr());
            Self::Live(Vec::new())
        } else {
            Self::Plain
        }
    }

    pub(super) fn is_live(&self) -> bool {
        matches!(self, Self::Live(_))
    }

    pub(super) fn draw(&mut self, boards: &[Option<Board>], now: i64) {
        let Self::Live(lines) = self else {
            return;
        };
        let known: Vec<Board> = boards.iter().flatten().cloned().collect();
        let texts = render::live(&known, now);
        while lines.len() > texts.len() {
            if let Some(line) = lines.pop() {
                line.finish_and_clear();
                screen().remove(&line);
            }
        }
        while lines.len() < texts.len() {
            let style = ProgressStyle::with_template("{wide_msg}").expect("a valid template");
            let line = screen().add(ProgressBar::no_length().with_style(style));
            lines.push(line);
        }
        for (line, text) in lines.iter().zip(texts) {
            line.set_message(text);
        }
    }

    pub(super) fn change(&self, board: &Board, news: &News) {
        if let Self::Plain = self {
            eprintln!("{}", render::change(board, news));
        }
    }

    pub(super) fn clear(&mut self) {
        if let Self::Live(lines) = self {
            // A terminal that is gone needs no clearing.
            let _ = screen().clear();
            for line in lines.drain(..) {
                screen().remove(&line);
            }
        }
    }

    pub(super) fn say(&self, text: &str) {
        screen().suspend(|| eprintln!("{text}"));
    }
}
