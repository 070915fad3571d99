//! Which format a trace file has.

use std::{fmt, str::FromStr};

use super::fields::{Fields, lines};

/// How much of a file is looked at.
const LOOKED_AT: usize = 64 * 1_024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Standard Workload Format: [`super::swf`].
    Swf,
    /// Stages of TPC-H queries as JSON: [`super::tpch`].
    Tpch,
    /// Batch tasks of cluster-trace-v2018: [`super::alibaba`].
    Alibaba,
    /// GPU jobs with deadlines: [`super::philly`].
    Philly,
    /// What a live cluster did: [`super::history`].
    History,
}

impl Format {
    pub const ALL: [Self; 5] = [
        Self::Swf,
        Self::Tpch,
        Self::Alibaba,
        Self::Philly,
        Self::History,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Swf => "swf",
            Self::Tpch => "tpch",
            Self::Alibaba => "alibaba",
            Self::Philly => "philly",
            Self::History => "history",
        }
    }

    /// By content, and by the file's name where that says nothing (so that a damaged file is read as what it was, and its
    /// reader says what is wrong with it).
    pub fn of(file_name: &str, content: &[u8]) -> Option<Self> {
        let head = &content[..content.len().min(LOOKED_AT)];
        Self::of_content(head).or_else(|| Self::of_name(&file_name.to_ascii_lowercase()))
    }

    fn of_content(head: &[u8]) -> Option<Self> {
        let mut lines = lines(head).map(|(_, line)| line.trim_ascii());
        let first = lines.find(|line| !line.is_empty() && !line.starts_with(b";"))?;
        if first.starts_with(b"{\"header\"") {
            return Some(Self::History);
        }
        if first.starts_with(b"{") {
            return Some(Self::Tpch);
        }
        let commas = Fields::by_commas(1, first);
        if commas.as_slice().contains(&&b"expect_time_list"[..]) {
            return Some(Self::Philly);
        }
        if commas.as_slice().len() == super::alibaba::COLUMNS {
            return Some(Self::Alibaba);
        }
        let blanks = Fields::by_blanks(1, first);
        (blanks.as_slice().len() >= 18).then_some(Self::Swf)
    }

    fn of_name(name: &str) -> Option<Self> {
        if name.ends_with(".swf") {
            return Some(Self::Swf);
        }
        let named = |format: &Self| name.contains(format.name());
        Self::ALL.into_iter().find(named)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no trace format `{0}`; there are swf, tpch, alibaba, philly and history")]
pub struct UnknownFormat(pub String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let named = |format: &Self| format.name() == name;
        let found = Self::ALL.into_iter().find(named);
        found.ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_tells_the_format() {
        let cases: [(&str, Format); 5] = [
            (
                "; a header\n\n1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18\n",
                Format::Swf,
            ),
            (" {\"1\":{}}", Format::Tpch),
            (
                "{\"header\":{\"format\":\"drover-history\"}}\n",
                Format::History,
            ),
            ("0,j_1,M1,5,100.0,0.3,2\n", Format::Alibaba),
            ("job_id,expect_time_list,job_type\n", Format::Philly),
        ];
        for (content, format) in cases {
            assert_eq!(Format::of("unnamed", content.as_bytes()), Some(format));
            assert_eq!(format.name().parse(), Ok(format));
        }
    }

    #[test]
    fn the_name_decides_over_damaged_content() {
        assert_eq!(Format::of("log.SWF", b"1 2 3"), Some(Format::Swf));
        assert_eq!(Format::of("tpch_2g.json", b""), Some(Format::Tpch));
        assert_eq!(Format::of("alibaba2018.csv", b"1,2"), Some(Format::Alibaba));
        assert_eq!(
            Format::of("job_Philly_SLO.csv", b"\xff"),
            Some(Format::Philly)
        );
        assert_eq!(Format::of("notes.txt", b"hello"), None);
        let unknown = "sfw".parse::<Format>().unwrap_err();
        assert!(unknown.to_string().contains("sfw"));
    }
}
