//! How far output has been shown.

use std::collections::HashMap;

use drover_proto::v1::LogLine;

/// What has been shown of each attempt, so that a stream that begins anew shows only what follows.
#[derive(Debug, Default)]
pub(super) struct Shown {
    attempts: HashMap<(String, u32), Progress>,
}

/// Places count everything that the attempt has written, kept or not.
#[derive(Debug, Default)]
struct Progress {
    shown: u64,
    /// That nothing follows has been shown as well.
    ended: bool,
    /// Where the stream stands.
    read: u64,
}

impl Shown {
    /// What is read from here on begins with what each attempt wrote first.
    pub(super) fn begin_anew(&mut self) {
        for progress in self.attempts.values_mut() {
            progress.read = 0;
        }
    }

    /// What is new in the line, if anything is.
    pub(super) fn rest(&mut self, mut line: LogLine) -> Option<LogLine> {
        let key = (line.task.clone(), line.attempt);
        let progress = self.attempts.entry(key).or_default();
        let begin = progress.read + line.dropped_bytes;
        let end = begin + line.data.len() as u64;
        progress.read = end;
        if end <= progress.shown && (progress.ended || !line.end) {
            return None;
        }
        let known = progress.shown.saturating_sub(begin).min(end - begin);
        line.data = line.data.split_off(usize::try_from(known).ok()?);
        line.dropped_bytes = line.dropped_bytes.min(begin.saturating_sub(progress.shown));
        progress.shown = progress.shown.max(end);
        progress.ended |= line.end;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(attempt: u32, dropped_bytes: u64, data: &'static str, end: bool) -> LogLine {
        LogLine {
            task: "a".to_owned(),
            attempt,
            data: data.into(),
            end,
            dropped_bytes,
            ..LogLine::default()
        }
    }

    #[test]
    fn what_was_shown_is_passed_over() {
        let mut shown = Shown::default();
        let first = [line(1, 0, "one ", false), line(1, 0, "two ", false)];
        for line in first {
            assert_eq!(shown.rest(line.clone()), Some(line));
        }
        shown.begin_anew();
        // The chunks may have other borders than the stream had.
        assert_eq!(shown.rest(line(1, 0, "one tw", false)), None);
        let rest = shown.rest(line(1, 0, "o three", true));
        assert_eq!(rest, Some(line(1, 0, "three", true)));
        shown.begin_anew();
        assert_eq!(shown.rest(line(1, 0, "one two three", true)), None);
    }

    #[test]
    fn the_end_is_shown_once_also_without_output() {
        let mut shown = Shown::default();
        assert!(shown.rest(line(1, 0, "all", false)).is_some());
        shown.begin_anew();
        assert_eq!(shown.rest(line(1, 0, "all", false)), None);
        let end = line(1, 0, "", true);
        assert_eq!(shown.rest(end.clone()), Some(end));
        shown.begin_anew();
        assert_eq!(shown.rest(line(1, 0, "all", true)), None);
        assert_eq!(shown.rest(line(2, 0, "", true)), Some(line(2, 0, "", true)));
    }

    #[test]
    fn a_gap_is_told_once() {
        let mut shown = Shown::default();
        assert!(shown.rest(line(1, 0, "abc", false)).is_some());
        let gap = line(1, 10, "def", false);
        assert_eq!(shown.rest(gap.clone()), Some(gap));
        shown.begin_anew();
        assert_eq!(shown.rest(line(1, 0, "abc", false)), None);
        assert_eq!(shown.rest(line(1, 10, "def", false)), None);
        assert_eq!(
            shown.rest(line(1, 5, "g", false)),
            Some(line(1, 5, "g", false))
        );
    }

    #[test]
    fn a_gap_may_begin_in_what_was_shown() {
        let mut shown = Shown::default();
        assert!(shown.rest(line(1, 0, "abc", false)).is_some());
        shown.begin_anew();
        let rest = shown.rest(line(1, 5, "fg", false));
        assert_eq!(rest, Some(line(1, 2, "fg", false)));
    }
}
