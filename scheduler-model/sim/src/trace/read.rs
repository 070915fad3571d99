//! A trace file of any format, as something to simulate.

use std::{fs, ops::RangeInclusive, path::Path};

use super::{
    ParseTraceError, ReadTraceError, Skipped, Trace,
    alibaba::{self, AlibabaOptions},
    format::Format,
    history, philly,
    swf::{self, SwfOptions},
    tpch,
};

/// GPUs of the smaller pool of the reference figures.
const POOL_GPUS: u32 = 1_152;

/// How a file is read. What the file's format does not need is not looked at.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// Found from the file's name and content otherwise.
    pub format: Option<Format>,
    /// Lines that make no sense are counted instead of refused. JSON is all or nothing.
    pub lenient: bool,
    /// SWF: processors of the machine; from the file otherwise.
    pub processors: Option<u32>,
    /// Philly: GPUs of the pool.
    pub gpus: u32,
    /// Philly: the days of submission that are read, from 1; all of them otherwise.
    pub days: Option<RangeInclusive<u64>>,
    /// Alibaba: what the cluster is sized to.
    pub load: f64,
    /// TPC-H: which jobs are drawn from the queries.
    pub queries: tpch::Load,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            format: None,
            lenient: false,
            processors: None,
            gpus: POOL_GPUS,
            days: None,
            load: AlibabaOptions::default().load,
            queries: tpch::Load::default(),
        }
    }
}

/// A file as it is, and what it is.
#[derive(Clone, Debug)]
pub struct TraceFile {
    /// Without folders and without what follows the last dot.
    pub name: String,
    pub format: Format,
    pub content: Vec<u8>,
}

/// Takes a file into memory and finds its format, unless told.
///
/// # Errors
/// When it cannot be read, or looks like no format.
pub fn open(path: &Path, format: Option<Format>) -> Result<TraceFile, ReadTraceError> {
    let content = fs::read(path).map_err(|source| ReadTraceError::Unreadable {
        file: path.to_owned(),
        source,
    })?;
    let file_name = path.file_name().unwrap_or_default().to_string_lossy();
    let format = format.or_else(|| Format::of(&file_name, &content));
    let format = format.ok_or_else(|| ReadTraceError::UnknownFormat {
        file: path.to_owned(),
    })?;
    let name = path.file_stem().unwrap_or_default();
    Ok(TraceFile {
        name: name.to_string_lossy().into_owned(),
        format,
        content,
    })
}

/// Reads all of a file, and says what a lenient reader passed over.
///
/// # Errors
/// With the file, the line and the field that make no sense.
pub fn read(path: &Path, options: &ReadOptions) -> Result<(Trace, Skipped), ReadTraceError> {
    let file = open(path, options.format)?;
    parse(&file, options).map_err(|source| ReadTraceError::Malformed {
        file: path.to_owned(),
        source,
    })
}

/// [`read`], of a file that is in memory.
///
/// # Errors
/// With the line and the field that make no sense.
pub fn parse(file: &TraceFile, options: &ReadOptions) -> Result<(Trace, Skipped), ParseTraceError> {
    let TraceFile {
        name,
        format,
        content,
    } = file;
    match format {
        Format::Swf => {
            let log = swf::parse(
                content,
                SwfOptions {
                    processors: options.processors,
                    lenient: options.lenient,
                },
            )?;
            Ok((log.trace(name), log.skipped))
        }
        Format::Philly => {
            let log = philly::parse(content, options.lenient)?;
            Ok((
                log.trace(name, options.gpus, options.days.as_ref())?,
                log.skipped,
            ))
        }
        Format::Alibaba => {
            let alibaba = AlibabaOptions {
                load: options.load,
                lenient: options.lenient,
                ..AlibabaOptions::default()
            };
            alibaba::parse(content, name, alibaba)
        }
        Format::History => history::parse(content, name, options.lenient),
        Format::Tpch => {
            let set = tpch::parse(content, name)?;
            Ok((options.queries.trace(&[set])?, Skipped::default()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "1 10 -1 20 8 -1 -1 4 100 -1 1 7 1 5 -1 -1 -1 -1\n";

    fn read_as(file_name: &str, content: &str, options: &ReadOptions) -> Result<usize, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(file_name);
        fs::write(&path, content).unwrap();
        let traces = read(&path, options).map_err(|error| error.to_string())?;
        assert_eq!(Some(&*traces.0.name), file_name.split('.').next());
        Ok(traces.0.jobs.len())
    }

    #[test]
    fn errors_name_the_file_and_the_line() {
        let options = ReadOptions::default();
        assert_eq!(read_as("log.swf", LINE, &options), Ok(1));
        let torn = read_as("log.swf", &format!("{LINE}2 10\n"), &options).unwrap_err();
        assert!(
            torn.contains("log.swf, line 2, column 18: expected 18 fields"),
            "{torn}"
        );
        let unknown = read_as("notes.txt", "hello\n", &options).unwrap_err();
        assert!(unknown.contains("none of the formats swf, tpch, alibaba, philly and history"));
        let missing = read(Path::new("no-such-folder/log.swf"), &options).unwrap_err();
        assert!(
            missing
                .to_string()
                .contains("cannot read no-such-folder/log.swf")
        );
    }

    #[test]
    fn a_told_format_wins_over_the_name() {
        let told = ReadOptions {
            format: Some(Format::Swf),
            ..ReadOptions::default()
        };
        assert_eq!(read_as("tpch.txt", LINE, &told), Ok(1));
        let lenient = ReadOptions {
            lenient: true,
            ..told
        };
        assert_eq!(read_as("log", &format!("torn\n{LINE}"), &lenient), Ok(1));
    }
}
