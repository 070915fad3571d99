//! What the failure of a call means for the next try.

use std::{error::Error as _, time::Duration};

use tonic::{Code, ConnectError, Status};
use tonic_types::StatusExt as _;

/// Whether a call may be made twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It only reads, or says by itself that it is the same call.
    Freely,
    /// Only when the first has certainly not been carried out.
    IfNotDone,
}

/// What to do about a failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Somebody else may carry it out: the leader if one is named.
    Ask { leader: Option<String> },
    /// The same coordinator carries it out when it has room again, which it expects after this long.
    Wait { delay: Duration },
    /// Nothing is gained by asking again.
    GiveUp,
}

pub(super) fn next(status: &Status, repeat: Repeat) -> Next {
    if let Some(leader) = not_leading(status) {
        return Next::Ask { leader };
    }
    if let Some(delay) = shed(status) {
        return Next::Wait { delay };
    }
    let again = match repeat {
        Repeat::Freely => is_broken(status),
        Repeat::IfNotDone => never_sent(status),
    };
    if again {
        Next::Ask { leader: None }
    } else {
        Next::GiveUp
    }
}

/// The coordinator is away, or went away during the call. A status that it sent itself has no source.
pub(crate) fn is_broken(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable => true,
        Code::Unknown | Code::Internal | Code::Cancelled => status.source().is_some(),
        _ => false,
    }
}

/// Answered by a standby, which has done nothing; inside, the address of the leader if it knows one.
fn not_leading(status: &Status) -> Option<Option<String>> {
    let info = status.get_details_error_info()?;
    (info.reason == "NOT_LEADER").then(|| {
        let leader = info.metadata.get("leader");
        leader
            .filter(|address| !address.is_empty())
            .map(|address| super::address::normalize(address))
    })
}

/// Refused for want of room before anything was done. What is refused for its own size names no time to come again.
fn shed(status: &Status) -> Option<Duration> {
    if status.code() != Code::ResourceExhausted {
        return None;
    }
    status.get_details_retry_info()?.retry_delay
}

fn never_sent(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    fn standby(leader: &[(&str, &str)]) -> Status {
        let metadata: HashMap<String, String> = leader
            .iter()
            .map(|&(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let details = ErrorDetails::with_error_info("NOT_LEADER", "drover", metadata);
        Status::with_error_details(Code::Unavailable, "a standby", details)
    }

    #[test]
    fn a_standby_sends_to_its_leader() {
        for repeat in [Repeat::Freely, Repeat::IfNotDone] {
            for (told, leader) in [
                (&[("leader", "http://h:1")][..], Some("http://h:1")),
                (&[("leader", "h:1")][..], Some("http://h:1")),
                (&[("leader", "")][..], None),
                (&[][..], None),
            ] {
                let leader = leader.map(str::to_owned);
                assert_eq!(next(&standby(told), repeat), Next::Ask { leader });
            }
        }
    }

    #[test]
    fn what_may_have_happened_is_not_repeated() {
        let interrupted = Status::unavailable("whether the call took effect is not known");
        assert_eq!(next(&interrupted, Repeat::IfNotDone), Next::GiveUp);
        let elsewhere = Next::Ask { leader: None };
        assert_eq!(next(&interrupted, Repeat::Freely), elsewhere);
        let broken = Status::from_error(Box::new(std::io::Error::other("reset")));
        assert_eq!(next(&broken, Repeat::IfNotDone), Next::GiveUp);
        assert_eq!(next(&broken, Repeat::Freely), elsewhere);
    }

    #[test]
    fn what_was_never_sent_may_be() {
        let cause = std::io::Error::other("refused");
        let refused = Status::from_error(Box::new(ConnectError(Box::new(cause))));
        assert_eq!(
            next(&refused, Repeat::IfNotDone),
            Next::Ask { leader: None }
        );
    }

    #[test]
    fn what_was_shed_comes_again_when_it_is_told_to() {
        let delay = Duration::from_millis(70);
        let details = ErrorDetails::with_retry_info(Some(delay));
        let shed = Status::with_error_details(Code::ResourceExhausted, "full", details);
        for repeat in [Repeat::Freely, Repeat::IfNotDone] {
            assert_eq!(next(&shed, repeat), Next::Wait { delay });
        }
    }

    #[test]
    fn a_refusal_is_final() {
        for status in [
            Status::resource_exhausted("the message is too large"),
            Status::not_found("no such job"),
            Status::internal("the coordinator failed"),
        ] {
            assert_eq!(next(&status, Repeat::Freely), Next::GiveUp);
        }
    }
}
