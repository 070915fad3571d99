use std::{fs, path::Path};

use drover_model::{AttemptKey, JobId, Outcome, Report, ReportKind, Timestamp};

use super::{Journal, LONG_BYTES, MAGIC};

fn report(task: u32) -> Report {
    Report {
        key: AttemptKey {
            job: JobId::from_u128(1),
            task,
            attempt: 1,
        },
        what: ReportKind::Ended {
            started_at: Timestamp(1),
            ended_at: Timestamp(2),
            outcome: Outcome::Failed,
            exit_code: Some(3),
            message: Some("exited with code 3".into()),
        },
    }
}

fn write(journal: &mut Journal, tasks: impl IntoIterator<Item = u32>) {
    for task in tasks {
        journal.append(report(task));
    }
    journal.write(std::iter::empty());
}

fn reopen(path: &Path) -> (Journal, Vec<Report>) {
    Journal::open(path.to_owned()).expect("readable")
}

/// A journal with tasks 1 and 2 in one record, and 3 in another.
fn written(path: &Path) -> Journal {
    let (mut journal, held) = reopen(path);
    assert_eq!(held, []);
    write(&mut journal, [1, 2]);
    write(&mut journal, [3]);
    journal
}

#[test]
fn what_was_written_is_read_again_in_order() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("journal");
    written(&path);
    assert_eq!(reopen(&path).1, [report(1), report(2), report(3)]);
}

#[test]
fn wherever_the_end_is_torn_the_rest_is_whole_and_goes_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("journal");
    written(&path);
    let bytes = fs::read(&path).expect("readable");
    let mut seen = std::collections::BTreeSet::new();
    for length in 0..bytes.len() {
        fs::write(&path, &bytes[..length]).expect("written");
        let (mut journal, held) = reopen(&path);
        let before = held.len();
        assert!([vec![], vec![report(1), report(2)]].contains(&held));
        seen.insert(before);
        write(&mut journal, [9]);
        let (_, held) = reopen(&path);
        assert_eq!(held.len(), before + 1, "torn at {length}");
        assert_eq!(held.last(), Some(&report(9)));
    }
    assert!(seen.into_iter().eq([0, 2]));
}

#[test]
fn a_changed_byte_ends_what_is_believed() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("journal");
    written(&path);
    let bytes = fs::read(&path).expect("readable");
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 0x10;
        fs::write(&path, &changed).expect("written");
        let (_, held) = reopen(&path);
        assert!([vec![], vec![report(1), report(2)]].contains(&held));
    }
}

#[test]
fn cleared_it_is_empty_and_can_be_used_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("journal");
    let mut journal = written(&path);
    journal.append(report(4));
    journal.clear();
    assert_eq!(fs::read(&path).expect("readable"), MAGIC);
    write(&mut journal, [5]);
    assert_eq!(reopen(&path).1, [report(5)]);
}

/// Lets no more be written.
fn fill_the_disk(journal: &mut Journal) {
    journal.file = super::open(Path::new("/dev/full")).expect("a device");
}

#[tokio::test(start_paused = true)]
async fn when_the_disk_has_room_again_everything_needed_is_written() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("journal");
    let mut journal = written(&path);
    fill_the_disk(&mut journal);
    write(&mut journal, [4]);
    assert_eq!(reopen(&path).1, [1, 2, 3].map(report), "it did not fit");
    journal.append(report(5));
    let needed = [3, 4, 5].map(report);
    journal.write(needed.iter());
    assert_eq!(reopen(&path).1, [1, 2, 3].map(report), "it is not yet time");
    journal.due().await;
    journal.write(needed.iter());
    assert_eq!(reopen(&path).1, needed);
    write(&mut journal, [6]);
    assert_eq!(reopen(&path).1, [3, 4, 5, 6].map(report));
}

#[tokio::test(start_paused = true)]
async fn as_long_as_there_is_no_room_it_tries_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("journal");
    let mut journal = written(&path);
    fill_the_disk(&mut journal);
    write(&mut journal, [4]);
    // Nothing can be renamed to this name.
    fs::remove_file(&path).expect("there");
    fs::create_dir_all(path.join("in the way")).expect("made");
    let needed = [report(4)];
    for _ in 0..2 {
        journal.due().await;
        journal.write(needed.iter());
    }
    assert!(!path.with_extension("next").exists(), "it takes no room");
    fs::remove_dir_all(&path).expect("there");
    journal.due().await;
    journal.write(needed.iter());
    assert_eq!(reopen(&path).1, needed);
}

#[test]
fn a_long_one_is_written_anew_with_what_is_needed() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("journal");
    let (mut journal, _) = reopen(&path);
    for round in 0..200 {
        for task in 0..1_000 {
            journal.append(report(task));
        }
        journal.write([report(round), report(7)].iter());
        assert!(fs::metadata(&path).expect("there").len() <= LONG_BYTES);
    }
    let (_, held) = reopen(&path);
    assert_eq!(held[1], report(7));
    assert!(held.len() < 200_000);
    let names = fs::read_dir(directory.path()).expect("readable");
    assert_eq!(names.count(), 1, "nothing else is left");
}
