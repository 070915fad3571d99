//! Waiting for something to become true.

use std::time::Duration;

use tokio::time::Instant;

/// No wait of a working system comes near it, on a busy machine either. It is there so that a failure ends.
pub const LIMIT: Duration = Duration::from_secs(90);

const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Asks until there is an answer.
///
/// # Panics
/// When [`LIMIT`] has passed without one.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(
            Instant::now() < deadline,
            "waited {LIMIT:?} in vain for {what}"
        );
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// # Panics
/// When the future takes longer than [`LIMIT`].
pub async fn within_limit<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LIMIT, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {LIMIT:?} in vain for {what}"),
    }
}
