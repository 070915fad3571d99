use std::{
    os::fd::{AsRawFd as _, OwnedFd},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use nix::{
    sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, socketpair},
    unistd::Pid,
};

use super::NotStarted;
use crate::guard::{
    Guard, Terms,
    life::Life,
    record::{LONGEST, Record},
};

/// A guard whose part the test plays, at the other end.
fn guard() -> (Guard, OwnedFd) {
    let kind = SockType::SeqPacket;
    let pair = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC);
    let (ours, theirs) = pair.expect("a socket");
    let mut command = Command::new("true");
    let mut process = command.stderr(Stdio::piped()).spawn().expect("started");
    let guard = Guard {
        socket: Arc::new(ours),
        life: Life::of(&mut process).expect("a pipe"),
        process,
        fenced: Mutex::default(),
    };
    (guard, theirs)
}

/// The next one that the guard is told.
fn told(guard: &OwnedFd) -> Option<Record> {
    let mut record = [0; LONGEST];
    let length = recv(guard.as_raw_fd(), &mut record, MsgFlags::MSG_DONTWAIT).ok()?;
    Record::decode(&record[..length])
}

#[tokio::test]
async fn what_was_not_started_is_forgotten() {
    let (guard, theirs) = guard();
    for terms in [None, Some(Terms::default())] {
        let failed = guard.spawn(Command::new("/no/such/program"), terms.clone());
        assert!(matches!(failed, Err(NotStarted::Program(_))));
        let group = match (told(&theirs), terms) {
            (Some(Record::Remember(group)), None) => group,
            (Some(Record::Leased(group, told)), Some(terms)) if told == terms => group,
            (other, _) => panic!("the child says that it is there, not {other:?}"),
        };
        assert_eq!(told(&theirs), Some(Record::Forget(group)));
        assert_eq!(told(&theirs), None);
    }
}

#[tokio::test]
async fn what_was_started_is_known() {
    let (guard, theirs) = guard();
    let mut child = guard.spawn(Command::new("true"), None).expect("started");
    let group = Pid::from_raw(child.id().expect("it runs").cast_signed());
    assert_eq!(told(&theirs), Some(Record::Remember(group)));
    child.wait().await.expect("a child");
    assert_eq!(told(&theirs), None, "the rest of its group may live");
}

#[tokio::test]
async fn without_a_guard_nothing_starts() {
    let (guard, theirs) = guard();
    drop(theirs);
    let failed = guard.spawn(Command::new("true"), None);
    assert!(matches!(failed, Err(NotStarted::NoGuard)), "{failed:?}");
}

#[tokio::test]
async fn the_end_of_the_guard_is_seen_and_told() {
    let (guard, _theirs) = guard();
    for _ in 0..2 {
        guard.ended().await;
        assert_eq!(guard.how_it_ended(), "exited with code 0");
    }
}
