//! A guard with groups of real processes, which are children of the test, as they are of an agent.

use std::{
    os::{
        fd::{AsFd as _, AsRawFd as _, OwnedFd},
        unix::process::{CommandExt as _, ExitStatusExt as _},
    },
    process::{Child, Command, Stdio},
    thread::JoinHandle,
};

use drover_model::session::Elapsed;
use nix::{
    sys::{
        signal::{Signal, killpg},
        socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair},
        wait::{Id, WaitPidFlag, waitid},
    },
    unistd::{Pid, getpid},
};

use super::{Leased, Stage, Ward};
use crate::{
    clock,
    guard::{
        process,
        record::{self, Lease, Record, Terms},
        watch::watch,
    },
};

/// The agent's end of a guard that runs in a thread.
struct Guard {
    socket: OwnedFd,
    thread: JoinHandle<()>,
}

impl Guard {
    fn start() -> Self {
        let (socket, theirs) = socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::SOCK_CLOEXEC,
        )
        .expect("a socket");
        let thread = std::thread::spawn(move || watch(theirs.as_fd(), Ward::of(getpid())));
        Self { socket, thread }
    }

    fn tell(&self, record: &Record) {
        let flags = MsgFlags::MSG_NOSIGNAL;
        send(self.socket.as_raw_fd(), &record.encode(), flags).expect("it listens");
    }

    fn lease(&self, end: Elapsed) {
        let fence_grace_ms = 60_000;
        self.tell(&Record::Lease(Lease {
            end,
            fence_grace_ms,
        }));
    }

    /// Waits for the next answer.
    fn answer(&self) -> Vec<Pid> {
        let mut answer = [0; record::LONGEST];
        let length = recv(self.socket.as_raw_fd(), &mut answer, MsgFlags::empty());
        record::fenced(&answer[..length.expect("it answers")]).collect()
    }

    /// The agent goes, and the guard when it has done its duty.
    fn leave(self) {
        drop(self.socket);
        self.thread.join().expect("no panic");
    }
}

/// The first process of a group of its own.
fn process(script: &str) -> (Child, Pid) {
    let mut command = Command::new("sh");
    command.args(["-c", script]).process_group(0);
    let child = command.stdout(Stdio::piped()).spawn().expect("started");
    let group = Pid::from_raw(child.id().cast_signed());
    (child, group)
}

fn leased(group: Pid, grace_ms: u32) -> Record {
    let cgroup = None;
    Record::Leased(group, Terms { grace_ms, cgroup })
}

fn ended_by(mut child: Child) -> Option<Signal> {
    let status = child.wait().expect("a child");
    let signal = status.signal()?;
    Some(Signal::try_from(signal).expect("a known one"))
}

fn long_ago() -> Elapsed {
    Elapsed(0)
}

#[test]
fn at_the_end_of_the_lease_leased_groups_end_and_the_agent_knows_before() {
    let guard = Guard::start();
    let (keep, kept) = process("sleep 1000");
    let (stop, stopped) = process("sleep 1000");
    guard.tell(&Record::Remember(kept));
    guard.tell(&leased(stopped, 60_000));
    let Elapsed(now) = clock::elapsed();
    // A quarter of the grace has passed.
    guard.lease(Elapsed(now.saturating_sub(15_000)));
    assert_eq!(guard.answer(), [stopped]);
    assert_eq!(ended_by(stop), Some(Signal::SIGTERM));
    guard.leave();
    assert_eq!(ended_by(keep), Some(Signal::SIGKILL), "with the agent");
}

#[test]
fn who_does_not_obey_is_killed_at_the_end_of_its_grace() {
    let guard = Guard::start();
    let (mut stop, stopped) = process("trap '' TERM; echo; while :; do sleep 0.01; done");
    let ready = stop.stdout.as_mut().expect("piped");
    std::io::Read::read_exact(ready, &mut [0]).expect("a line");
    guard.tell(&leased(stopped, 200));
    let begun = std::time::Instant::now();
    guard.lease(clock::elapsed());
    assert_eq!(guard.answer(), [stopped]);
    assert_eq!(ended_by(stop), Some(Signal::SIGKILL));
    assert!(begun.elapsed().as_millis() >= 198, "{:?}", begun.elapsed());
    guard.leave();
}

#[test]
fn what_ended_by_itself_was_not_fenced_and_leaves_nothing() {
    let guard = Guard::start();
    let (first, group) = process("sleep 1000 & exit 0");
    let (other, last) = process("sleep 1000");
    let id = Id::Pid(group);
    waitid(id, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).expect("it ends");
    guard.tell(&leased(group, 0));
    guard.tell(&leased(last, 0));
    guard.lease(long_ago());
    assert_eq!(guard.answer(), [last]);
    let output = first.wait_with_output().expect("nothing holds the pipe");
    assert!(output.status.success());
    assert_eq!(ended_by(other), Some(Signal::SIGKILL));
    guard.leave();
}

#[test]
fn an_answer_that_nobody_heard_hides_no_group() {
    let guard = Guard::start();
    let (stop, stopped) = process("sleep 1000");
    guard.tell(&leased(stopped, 0));
    guard.lease(long_ago());
    assert_eq!(ended_by(stop), Some(Signal::SIGKILL));
    let children: Vec<_> = (0..100).map(|_| process("sleep 1000")).collect();
    for (_, group) in &children {
        guard.tell(&Record::Remember(*group));
    }
    guard.leave();
    // One that was missed shall not stay.
    for (_, group) in &children {
        let _ = killpg(*group, Signal::SIGTERM);
    }
    for (child, _) in children {
        assert_eq!(ended_by(child), Some(Signal::SIGKILL));
    }
}

#[test]
fn who_has_left_its_own_group_is_ended_all_the_same() {
    let guard = Guard::start();
    let mut children = Vec::new();
    for is_leased in [true, false] {
        let mut command = Command::new("sleep");
        // It stays in the group of the test.
        let child = command.arg("1000").spawn().expect("started");
        let number = Pid::from_raw(child.id().cast_signed());
        guard.tell(&if is_leased {
            leased(number, 0)
        } else {
            Record::Remember(number)
        });
        children.push(child);
    }
    guard.lease(long_ago());
    let fenced = children.remove(0);
    assert_eq!(ended_by(fenced), Some(Signal::SIGKILL));
    guard.leave();
    assert_eq!(ended_by(children.remove(0)), Some(Signal::SIGKILL));
}

/// A guard that missed the end of what had the number of this group before.
fn with_stranger(group: Pid) -> Ward {
    let mut ward = Ward::of(getpid());
    ward.note(leased(group, 0));
    let lease = Lease {
        end: long_ago(),
        fence_grace_ms: 0,
    };
    ward.note(Record::Lease(lease));
    let started = process::find(group).expect("it runs").started;
    ward.groups.insert(group, Some(started.before()));
    ward
}

#[test]
fn a_stranger_with_the_number_of_a_group_is_not_touched() {
    let (child, group) = process("sleep 1000");
    assert_eq!(with_stranger(group).due(clock::elapsed()), []);
    with_stranger(group).kill();
    killpg(group, Signal::SIGTERM).expect("it lives");
    assert_eq!(ended_by(child), Some(Signal::SIGTERM));
}

#[test]
fn a_number_that_is_used_again_has_no_old_terms() {
    let (child, group) = process("sleep 1000");
    let mut ward = with_stranger(group);
    ward.note(Record::Remember(group));
    assert_eq!(ward.due(clock::elapsed()), []);
    ward.kill();
    assert_eq!(ended_by(child), Some(Signal::SIGKILL));
}

/// What is done for it, at this end of the lease and time, with a grace of 8 of at most 4 ms.
fn act(leased: &mut Leased, end: u64, now: u64) -> Option<Signal> {
    let lease = Lease {
        end: Elapsed(end),
        fence_grace_ms: 4,
    };
    leased.act(lease, Elapsed(now))
}

fn runs() -> Leased {
    Leased {
        terms: Terms {
            grace_ms: 8,
            cgroup: None,
        },
        stage: Stage::Runs,
    }
}

#[test]
fn the_agent_comes_first() {
    let mut group = runs();
    assert_eq!(act(&mut group, 10, 10), None);
    assert_eq!(act(&mut group, 10, 11), Some(Signal::SIGTERM));
    assert_eq!(act(&mut group, 10, 13), None);
    assert_eq!(act(&mut group, 10, 14), Some(Signal::SIGKILL));
    assert_eq!(act(&mut group, 10, 99), None, "once");
}

#[test]
fn what_the_agent_has_terminated_hears_no_more_of_it() {
    let mut group = runs();
    group.become_terminated();
    assert_eq!(act(&mut group, 10, 13), None);
    assert_eq!(act(&mut group, 10, 14), Some(Signal::SIGKILL));
}

#[test]
fn a_renewal_helps_those_that_were_not_yet_fenced() {
    let (mut early, mut late) = (runs(), runs());
    assert_eq!(act(&mut early, 10, 11), Some(Signal::SIGTERM));
    for (now, expected) in [(13, None), (14, Some(Signal::SIGKILL)), (19, None)] {
        assert_eq!(act(&mut early, 20, now), expected);
        assert_eq!(act(&mut late, 20, now), None);
    }
    assert_eq!(act(&mut late, 20, 21), Some(Signal::SIGTERM));
}

#[test]
fn at_once_when_there_is_no_time_left() {
    let mut group = runs();
    assert_eq!(act(&mut group, 10, 14), Some(Signal::SIGKILL));
}
