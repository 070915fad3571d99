use std::{panic::resume_unwind, thread::ScopedJoinHandle};

/// Waits for all, in order. A panic of one goes on in the caller.
pub(crate) fn join<T>(threads: Vec<ScopedJoinHandle<'_, T>>) -> Vec<T> {
    let join = |thread: ScopedJoinHandle<'_, T>| match thread.join() {
        Ok(result) => result,
        Err(panic) => resume_unwind(panic),
    };
    threads.into_iter().map(join).collect()
}
