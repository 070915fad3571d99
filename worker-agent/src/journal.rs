//! Reports of ended attempts that were not yet acknowledged, in a file: the next incarnation of the agent sends them.
//!
//! The file is appended to without fsync: it outlives the process, not a loss of power, after which the attempts run
//! again. It begins with [`MAGIC`]; a record is its length and its CRC-32C, both little-endian `u32`, and an encoded
//! `Reports`. What does not check at its end was being written when the process died, and is cut off.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use crc::{CRC_32_ISCSI, Crc};
use drover_model::{Report, ReportBatch};
use drover_proto::{agent, v1};
use prost::Message as _;
use tokio::time::Instant;

use crate::clock;

const MAGIC: &[u8] = b"drover journal 1\n";
const HEADER_BYTES: usize = 8;
const CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// Then it is written anew, with what is still needed.
const LONG_BYTES: u64 = 4 << 20;

/// From a failure to the next try.
const RETRY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// Length of what is whole.
    length: u64,
    /// Where it is long enough to be written anew.
    long: u64,
    /// Not yet written.
    waiting: Vec<Report>,
    /// The last write failed, so the file lacks something. Then all of it is written anew.
    retry_at: Option<Instant>,
}

impl Journal {
    /// With what it holds, oldest first.
    pub(crate) fn open(path: PathBuf) -> io::Result<(Self, Vec<Report>)> {
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let (reports, whole) = read(&bytes);
        if whole < bytes.len() {
            tracing::info!(bytes = bytes.len() - whole, "the journal's end is torn");
        }
        let mut journal = Self {
            file: open(&path)?,
            path,
            length: whole as u64,
            long: LONG_BYTES,
            waiting: Vec::new(),
            retry_at: None,
        };
        if whole == 0 {
            journal.begin()?;
        } else {
            journal.file.set_len(journal.length)?;
        }
        Ok((journal, reports))
    }

    /// After a failure it is among what is needed then.
    pub(crate) fn append(&mut self, report: Report) {
        if self.retry_at.is_none() {
            self.waiting.push(report);
        }
    }

    /// Everything has been acknowledged.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
        if self.length > MAGIC.len() as u64 {
            let done = self.file.set_len(MAGIC.len() as u64);
            self.length = MAGIC.len() as u64;
            self.note(done);
        }
    }

    /// Writes what was appended. `needed` is everything that has to be in the file: it is asked for when the file has
    /// grown long, and when it is time to try again after a failure.
    pub(crate) fn write<'a>(&mut self, needed: impl Iterator<Item = &'a Report>) {
        let done = match self.retry_at {
            Some(at) if at <= Instant::now() => self.write_anew(needed.cloned().collect()),
            None if !self.waiting.is_empty() => self.write_waiting(needed),
            _ => return,
        };
        self.note(done);
    }

    /// Waits until [`Journal::write`] has something to do though nothing was appended.
    pub(crate) async fn due(&self) {
        clock::sleep_until(self.retry_at).await;
    }

    fn write_waiting<'a>(&mut self, needed: impl Iterator<Item = &'a Report>) -> io::Result<()> {
        let record = record(std::mem::take(&mut self.waiting));
        if self.length + record.len() as u64 > self.long {
            self.write_anew(needed.cloned().collect())
        } else {
            self.write_record(&record)
        }
    }

    fn begin(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.write_all(MAGIC)?;
        self.length = MAGIC.len() as u64;
        Ok(())
    }

    fn write_record(&mut self, record: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(record) {
            // A torn record would hide what follows it.
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += record.len() as u64;
        Ok(())
    }

    fn write_anew(&mut self, needed: Vec<Report>) -> io::Result<()> {
        let next = self.path.with_extension("next");
        let mut content = MAGIC.to_vec();
        content.extend(record(needed));
        let written = fs::write(&next, &content).and_then(|()| {
            let file = open(&next)?;
            fs::rename(&next, &self.path)?;
            Ok(file)
        });
        match written {
            Ok(file) => self.file = file,
            Err(error) => {
                // Where the disk is full, others need the room.
                let _ = fs::remove_file(&next);
                return Err(error);
            }
        }
        self.length = content.len() as u64;
        self.long = LONG_BYTES.max(2 * self.length);
        Ok(())
    }

    fn note(&mut self, done: io::Result<()>) {
        let path = self.path.display();
        let failed_before = self.retry_at.is_some();
        self.retry_at = done.is_err().then(|| Instant::now() + RETRY);
        match done {
            Err(error) if !failed_before => {
                tracing::error!(%error, %path, "cannot write the journal: should the agent die, work may run again");
            }
            Ok(()) if failed_before => tracing::info!(%path, "the journal is written again"),
            _ => {}
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn record(reports: Vec<Report>) -> Vec<u8> {
    let batch = ReportBatch {
        sequence: reports.len() as u64,
        reports,
    };
    let content = agent::reports_to_wire(batch).encode_to_vec();
    let mut record = Vec::with_capacity(HEADER_BYTES + content.len());
    record.extend((content.len() as u32).to_le_bytes());
    record.extend(CHECKSUM.checksum(&content).to_le_bytes());
    record.extend(content);
    record
}

/// What the file holds, and how much of it is whole.
fn read(bytes: &[u8]) -> (Vec<Report>, usize) {
    let mut reports = Vec::new();
    let Some(mut rest) = bytes.strip_prefix(MAGIC) else {
        return (reports, 0);
    };
    while let Some((batch, after)) = split_record(rest) {
        reports.extend(batch);
        rest = after;
    }
    (reports, bytes.len() - rest.len())
}

/// `None` at the end, and where it is torn.
fn split_record(bytes: &[u8]) -> Option<(Vec<Report>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (checksum, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (content, rest) = rest.split_at_checked(length)?;
    if CHECKSUM.checksum(content) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let reports = v1::Reports::decode(content).ok()?;
    Some((agent::reports_from_wire(reports).ok()?.reports, rest))
}

#[cfg(test)]
mod tests;
