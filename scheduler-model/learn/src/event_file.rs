use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use crc::{CRC_32_ISCSI, Crc};
use prost::Message;

use crate::Record;

const CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// A file that TensorBoard reads: TFRecords, each an `Event` of TensorFlow's `event.proto`.
#[derive(Debug)]
pub struct EventFile {
    file: File,
    /// What went wrong first. A training is not ended by its curves.
    error: Option<io::Error>,
}

/// The fields of `tensorflow.Event` that are used here.
#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "What", tags = "3, 5")]
    what: Option<What>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, tag = "2")]
    simple_value: f32,
}

impl EventFile {
    /// A new file in the folder, which is made where it is missing. TensorBoard shows a folder as one run, and goes on
    /// with its curves in the newest file.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn create(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let started = since_1970();
        let name = format!(
            "events.out.tfevents.{:.0}.drover.{}",
            started * 1e3,
            std::process::id()
        );
        let file = File::options()
            .write(true)
            .create_new(true)
            .open(folder.join(name))?;
        let mut events = Self { file, error: None };
        events.write(&Event {
            wall_time: started,
            step: 0,
            what: Some(What::FileVersion("brain.Event:2".to_owned())),
        })?;
        Ok(events)
    }

    /// Says whether everything was written.
    ///
    /// # Errors
    /// What went wrong first.
    pub fn finish(mut self) -> io::Result<()> {
        match self.error.take() {
            Some(error) => Err(error),
            None => self.file.sync_all(),
        }
    }

    fn write(&mut self, event: &Event) -> io::Result<()> {
        self.file.write_all(&record_of(&event.encode_to_vec()))
    }
}

impl Record for EventFile {
    fn record(&mut self, step: u64, measured: &[(&str, f64)]) {
        let value = measured.iter().map(|(tag, value)| Value {
            tag: (*tag).to_owned(),
            simple_value: *value as f32,
        });
        let summary = Summary {
            value: value.collect(),
        };
        let event = Event {
            wall_time: since_1970(),
            step: step as i64,
            what: Some(What::Summary(summary)),
        };
        if let Err(error) = self.write(&event) {
            self.error.get_or_insert(error);
        }
    }
}

/// Length, its checksum, data, its checksum (TensorFlow, `record_writer.h`).
fn record_of(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [
        &length[..],
        &masked_checksum(&length).to_le_bytes(),
        data,
        &masked_checksum(data).to_le_bytes(),
    ]
    .concat()
}

/// CRC-32C, changed so that a checksum of data that holds checksums is still a good one (TensorFlow, `crc32c.h`).
fn masked_checksum(data: &[u8]) -> u32 {
    let checksum = CHECKSUM.checksum(data);
    checksum.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[expect(
    clippy::disallowed_methods,
    reason = "when something was recorded is no part of what was learned"
)]
fn since_1970() -> f64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    elapsed.unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes records apart, with their checksums.
    fn read(mut bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some((header, rest)) = bytes.split_first_chunk::<12>() {
            let length = u64::from_le_bytes(header[..8].try_into().unwrap()) as usize;
            assert_eq!(header[8..], masked_checksum(&header[..8]).to_le_bytes());
            let (data, rest) = rest.split_at(length);
            assert_eq!(rest[..4], masked_checksum(data).to_le_bytes());
            events.push(Event::decode(data).unwrap());
            bytes = &rest[4..];
        }
        events
    }

    #[test]
    fn what_is_recorded_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = EventFile::create(&folder.path().join("run")).unwrap();
        events.record(7, &[("losses/policy", 0.5), ("episode/reward", -3.0)]);
        events.finish().unwrap();
        let path = fs::read_dir(folder.path().join("run"))
            .unwrap()
            .next()
            .unwrap();
        let read = read(&fs::read(path.unwrap().path()).unwrap());
        assert_eq!(read.len(), 2);
        assert_eq!(
            read[0].what,
            Some(What::FileVersion("brain.Event:2".to_owned()))
        );
        assert_eq!(read[1].step, 7);
        let Some(What::Summary(summary)) = &read[1].what else {
            panic!("no summary: {:?}", read[1]);
        };
        let values: Vec<_> = summary
            .value
            .iter()
            .map(|value| (value.tag.as_str(), value.simple_value))
            .collect();
        assert_eq!(values, [("losses/policy", 0.5), ("episode/reward", -3.0)]);
    }

    /// The check value of CRC-32C, as catalogues of checksums list it.
    #[test]
    fn the_checksum_is_that_of_tensorflow() {
        assert_eq!(CHECKSUM.checksum(b"123456789"), 0xe306_9283);
        assert_eq!(
            masked_checksum(b"123456789"),
            0xe306_9283_u32.rotate_right(15).wrapping_add(0xa282_ead8)
        );
    }
}
