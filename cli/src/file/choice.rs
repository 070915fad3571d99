//! Values of flags that mean what the fields of job files mean.

use drover_proto::v1::{DeadlineAction, OnDisconnect, RetryRule};

/// A number, or `none`.
pub(crate) fn parse_retries(text: &str) -> Result<RetryRule, String> {
    if text == "none" {
        return Ok(RetryRule {
            never: true,
            ..RetryRule::default()
        });
    }
    let retries = text
        .parse()
        .map_err(|_| "expected a whole number, or none".to_owned())?;
    Ok(RetryRule {
        retries,
        ..RetryRule::default()
    })
}

pub(crate) fn parse_on_disconnect(text: &str) -> Result<OnDisconnect, String> {
    match text {
        "keep" => Ok(OnDisconnect::Keep),
        "stop" => Ok(OnDisconnect::Stop),
        _ => Err("expected keep or stop".to_owned()),
    }
}

pub(crate) fn parse_deadline_action(text: &str) -> Result<DeadlineAction, String> {
    match text {
        "none" => Ok(DeadlineAction::None),
        "cancel" => Ok(DeadlineAction::Cancel),
        "escalate" => Ok(DeadlineAction::Escalate),
        _ => Err("expected none, cancel or escalate".to_owned()),
    }
}
