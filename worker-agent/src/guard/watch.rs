//! The loop of the guard process.

use std::{
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd},
    time::Duration,
};

use drover_model::session::Elapsed;
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        socket::{MsgFlags, recv, send},
        time::TimeSpec,
        timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
    },
};

use super::{
    record::{self, Record},
    ward::{Fence, Ward},
};
use crate::clock;

/// Until the agent has gone, and what it left.
pub(super) fn watch(socket: BorrowedFd<'_>, mut ward: Ward) {
    // A guard that cannot do its duty any more does the last one at once.
    let _ = listen(socket, &mut ward);
    ward.kill();
}

fn listen(socket: BorrowedFd<'_>, ward: &mut Ward) -> nix::Result<()> {
    // It goes on while the host sleeps.
    let timer = TimerFd::new(ClockId::CLOCK_BOOTTIME, TimerFlags::TFD_CLOEXEC)?;
    let mut set = None;
    // A renewal that waits is heard before the lease is judged.
    while read(socket, ward)? {
        fence(socket, &ward.due(clock::elapsed()));
        let next = ward.next();
        if next != set {
            set_timer(&timer, next)?;
            set = next;
        }
        wait(socket, &timer)?;
    }
    Ok(())
}

/// Reads all records that are there. False when the agent has gone.
fn read(socket: BorrowedFd<'_>, ward: &mut Ward) -> nix::Result<bool> {
    let mut record = [0; record::LONGEST];
    loop {
        match recv(socket.as_raw_fd(), &mut record, MsgFlags::MSG_DONTWAIT) {
            Ok(0) => return Ok(false),
            Ok(length) => {
                if let Some(record) = Record::decode(&record[..length]) {
                    ward.note(record);
                }
            }
            Err(Errno::EAGAIN) => return Ok(true),
            // The agent has gone without hearing an answer; what it and its children said before can wait here still.
            Err(Errno::ECONNRESET | Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// The agent is told first: whatever end it sees then, it knows the cause.
fn fence(socket: BorrowedFd<'_>, due: &[Fence]) {
    let news = due.iter().filter(|fence| fence.is_news);
    let groups: Vec<_> = news.map(|fence| fence.group).collect();
    for groups in groups.chunks(record::GROUPS_PER_ANSWER) {
        // One that does not listen is not waited for.
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        let _ = send(socket.as_raw_fd(), &record::answer(groups), flags);
    }
    for fence in due {
        fence.perform();
    }
}

fn set_timer(timer: &TimerFd, at: Option<Elapsed>) -> nix::Result<()> {
    match at {
        Some(Elapsed(at)) => timer.set(
            Expiration::OneShot(TimeSpec::from_duration(Duration::from_millis(at))),
            TimerSetTimeFlags::TFD_TIMER_ABSTIME,
        ),
        None => timer.unset(),
    }
}

fn wait(socket: BorrowedFd<'_>, timer: &TimerFd) -> nix::Result<()> {
    let mut sources = [socket, timer.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    match poll(&mut sources, PollTimeout::NONE) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(error) => Err(error),
    }
}
