//! A trace file of any format in memory.

use std::{fs, path::Path};

use super::{ReadTraceError, format::Format};

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

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "1 10 -1 20 8 -1 -1 4 100 -1 1 7 1 5 -1 -1 -1 -1\n";

    fn open_as(
        file_name: &str,
        content: &str,
        told: Option<Format>,
    ) -> Result<(String, Format), String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(file_name);
        fs::write(&path, content).unwrap();
        let opened = open(&path, told).map_err(|error| error.to_string())?;
        assert_eq!(opened.content, content.as_bytes());
        Ok((opened.name, opened.format))
    }

    #[test]
    fn the_format_is_told_or_found() {
        let found = open_as("my.log.swf", LINE, None).unwrap();
        assert_eq!(found, ("my.log".to_owned(), Format::Swf));
        let told = open_as("tpch.txt", LINE, Some(Format::Swf)).unwrap();
        assert_eq!(told, ("tpch".to_owned(), Format::Swf));
    }

    #[test]
    fn errors_name_the_file() {
        let unknown = open_as("notes.txt", "hello\n", None).unwrap_err();
        assert!(unknown.contains("notes.txt"), "{unknown}");
        assert!(unknown.contains("none of the formats swf, tpch, alibaba, philly and history"));
        let missing = open(Path::new("no-such-folder/log.swf"), None).unwrap_err();
        let missing = missing.to_string();
        assert!(missing.contains("cannot read no-such-folder/log.swf"));
    }
}
