//! Writes down what goes into the model (`--record FILE`), for replays.

use std::{
    fs::{File, OpenOptions},
    io::{BufWriter, Write as _},
    path::Path,
    sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel},
    thread::JoinHandle,
};

use drover_model::record::Line;

/// Lines that may wait for the disk. When more do, the leadership's record ends there: one with a gap is worth nothing.
const WAITING: usize = 65_536;

/// The file, and the thread that writes it.
#[derive(Debug)]
pub(crate) struct Recorder {
    lines: SyncSender<Vec<u8>>,
    writer: JoinHandle<()>,
}

/// One leadership's way to the file.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// `None` when nothing more is recorded.
    lines: Option<SyncSender<Vec<u8>>>,
}

impl Recorder {
    /// Appends to the file, or makes it.
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        let (lines, waiting) = sync_channel(WAITING);
        let path = path.to_owned();
        let writer = std::thread::Builder::new()
            .name("record".to_owned())
            .spawn(move || write_all(file, &waiting, &path))?;
        Ok(Self { lines, writer })
    }

    pub(crate) fn begin(&self) -> Record {
        Record {
            lines: Some(self.lines.clone()),
        }
    }

    /// Waits until everything is in the file.
    pub(crate) fn finish(self) {
        drop(self.lines);
        // It has said what went wrong, if anything did.
        let _ = self.writer.join();
    }
}

impl Record {
    pub(crate) fn write(&mut self, line: &Line<'_>) {
        let Some(lines) = &self.lines else {
            return;
        };
        let mut bytes =
            serde_json::to_vec(line).expect("events have no keys that JSON cannot hold");
        bytes.push(b'\n');
        match lines.try_send(bytes) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                tracing::error!("the record is written too slowly; this leadership's ends here");
                self.lines = None;
            }
            // The thread has said why it ended.
            Err(TrySendError::Disconnected(_)) => self.lines = None,
        }
    }
}

/// Until nobody can send any more, or the file cannot be written. A first byte that is no line's beginning would spoil
/// the file, so a line that a killed process left unfinished is ended first.
fn write_all(file: File, waiting: &Receiver<Vec<u8>>, path: &Path) {
    let mut file = BufWriter::with_capacity(256 * 1024, file);
    if let Err(error) = end_last_line(&mut file, path).and_then(|()| drain(&mut file, waiting)) {
        tracing::error!(file = %path.display(), %error, "the record cannot be written; recording stops");
    }
}

fn end_last_line(file: &mut BufWriter<File>, path: &Path) -> std::io::Result<()> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut written = File::open(path)?;
    if written.metadata()?.len() == 0 {
        return Ok(());
    }
    let mut last = [0];
    written.seek(SeekFrom::End(-1))?;
    written.read_exact(&mut last)?;
    if last == *b"\n" {
        return Ok(());
    }
    file.write_all(b"\n")
}

/// Flushes whenever nothing waits.
fn drain(file: &mut BufWriter<File>, waiting: &Receiver<Vec<u8>>) -> std::io::Result<()> {
    loop {
        let line = match waiting.try_recv() {
            Ok(line) => line,
            Err(TryRecvError::Empty) => {
                file.flush()?;
                match waiting.recv() {
                    Ok(line) => line,
                    Err(_) => return Ok(()),
                }
            }
            Err(TryRecvError::Disconnected) => return file.flush(),
        };
        file.write_all(&line)?;
    }
}

#[cfg(test)]
mod tests {
    use drover_model::{Timestamp, TurnNumber, record::Digest};

    use super::*;

    fn sealed(turn: u64) -> Line<'static> {
        Line::Sealed {
            turn: TurnNumber(turn),
            now: Timestamp(1),
            digest: Digest::default(),
        }
    }

    #[test]
    fn lines_are_appended_after_a_line_cut_short() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("record");
        for turn in 1..=2 {
            let recorder = Recorder::open(&path).unwrap();
            recorder.begin().write(&sealed(turn));
            recorder.finish();
        }
        std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"{\"Sea")
            .unwrap();
        let recorder = Recorder::open(&path).unwrap();
        recorder.begin().write(&sealed(3));
        recorder.finish();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert_eq!(lines[2], "{\"Sea");
        let last: Line<'_> = serde_json::from_str(lines[3]).unwrap();
        assert!(matches!(last, Line::Sealed { turn, .. } if turn == TurnNumber(3)));
    }

    #[test]
    fn a_file_that_cannot_be_written_stops_nobody() {
        let recorder = Recorder::open(Path::new("/dev/full")).unwrap();
        let mut record = recorder.begin();
        for turn in 0..100_000 {
            record.write(&sealed(turn));
        }
        drop(record);
        recorder.finish();
    }
}
