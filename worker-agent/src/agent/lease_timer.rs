//! Wakes the agent when its lease ends, also after the host has slept.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd, RawFd},
    time::Duration,
};

use drover_model::session::Elapsed;
use nix::sys::{
    time::TimeSpec,
    timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
};
use tokio::io::{Interest, unix::AsyncFd};

use crate::clock;

/// A timer of the runtime stands still while the host sleeps, and would be late by as much.
#[derive(Debug)]
pub(super) struct LeaseTimer {
    timer: AsyncFd<Timer>,
    set: Option<Elapsed>,
}

#[derive(Debug)]
struct Timer(TimerFd);

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl LeaseTimer {
    pub(super) fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_BOOTTIME, flags)?;
        #[expect(
            unsafe_code,
            reason = "tokio offers no safe way to wait for a descriptor"
        )]
        // SAFETY: the timer owns its descriptor, and nobody replaces or closes it.
        let timer = unsafe { AsyncFd::register_with_interest(Timer(timer), Interest::READABLE) }?;
        Ok(Self { timer, set: None })
    }

    /// Waits until then; for ever when there is no such time. May be dropped and called again.
    pub(super) async fn due(&mut self, end: Option<Elapsed>) {
        let Some(end) = end else {
            return std::future::pending().await;
        };
        while clock::elapsed() < end {
            if self.set != Some(end) && self.set(end).is_ok() {
                self.set = Some(end);
            }
            match self.timer.readable().await {
                Ok(mut guard) => guard.clear_ready(),
                Err(_) => return,
            }
        }
    }

    fn set(&self, end: Elapsed) -> nix::Result<()> {
        let at = TimeSpec::from_duration(Duration::from_millis(end.0));
        self.timer.get_ref().0.set(
            Expiration::OneShot(at),
            TimerSetTimeFlags::TFD_TIMER_ABSTIME,
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use drover_model::session::Elapsed;
    use futures_util::FutureExt as _;

    use super::LeaseTimer;
    use crate::clock;

    #[tokio::test]
    async fn it_can_be_moved_dropped_and_used_again() {
        let mut timer = LeaseTimer::new().expect("a timer");
        let Elapsed(now) = clock::elapsed();
        let later = |milliseconds| Some(Elapsed(now + milliseconds));
        assert_eq!(timer.due(later(60_000)).now_or_never(), None);
        assert_eq!(timer.due(None).now_or_never(), None);
        for milliseconds in [20, 0, 60] {
            timer.due(later(milliseconds)).await;
            assert!(clock::elapsed() >= Elapsed(now + milliseconds));
        }
        let long = tokio::time::timeout(Duration::from_millis(50), timer.due(later(60_000)));
        long.await.expect_err("not yet");
    }
}
