//! What happens when an attempt goes wrong: limits, retries, stopping.

use drover_model::{ExitCodes, OnDisconnect, RetryRule, Rules};
use pbjson_types::Duration;

use super::run::Check;
use crate::v1;

const MAX_RETRIES: u32 = 1_000;
const MAX_LOST: u32 = 1_000;
const FACTOR_PERMILLE: std::ops::RangeInclusive<u32> = 1_000..=100_000;
const EXIT_CODES: std::ops::RangeInclusive<i32> = 1..=255;
const MAX_GRACE_MS: u32 = 60 * 60 * 1_000;

/// What a task, or its queue, says of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'a> {
    pub(super) retry: Option<&'a v1::RetryRule>,
    pub(super) timeout: Option<&'a Duration>,
    pub(super) start_timeout: Option<&'a Duration>,
    pub(super) grace: Option<&'a Duration>,
    pub(super) on_disconnect: i32,
}

impl Check<'_> {
    pub(super) fn rules(&mut self, said: Said<'_>) -> Rules {
        let defaults = Rules::default();
        Rules {
            retry: said.retry.map_or(defaults.retry, |retry| self.retry(retry)),
            start_timeout_ms: self.limit("start_timeout", said.start_timeout),
            timeout_ms: self.limit("timeout", said.timeout),
            grace_ms: said
                .grace
                .map_or(defaults.grace_ms, |grace| self.grace(grace)),
            on_disconnect: self.on_disconnect(said.on_disconnect),
        }
    }

    /// A limit of zero would end everything before it begins.
    pub(super) fn limit(&mut self, field: &str, limit: Option<&Duration>) -> Option<u64> {
        let limit = self.duration(field, limit);
        if limit == Some(0) {
            self.add(field, "must be longer than 0; leave it out for no limit");
        }
        limit
    }

    fn grace(&mut self, grace: &Duration) -> u32 {
        let Some(ms) = self.duration("grace", Some(grace)) else {
            return 0;
        };
        match u32::try_from(ms) {
            Ok(ms) if ms <= MAX_GRACE_MS => ms,
            _ => {
                self.add("grace", "must be at most 1 hour");
                MAX_GRACE_MS
            }
        }
    }

    fn on_disconnect(&mut self, value: i32) -> OnDisconnect {
        match v1::OnDisconnect::try_from(value) {
            Ok(v1::OnDisconnect::Unspecified | v1::OnDisconnect::Keep) => OnDisconnect::Keep,
            Ok(v1::OnDisconnect::Stop) => OnDisconnect::Stop,
            Err(_) => {
                self.add(
                    "on_disconnect",
                    format!("must be KEEP (1) or STOP (2), not {value}"),
                );
                OnDisconnect::default()
            }
        }
    }

    pub(super) fn retry(&mut self, retry: &v1::RetryRule) -> RetryRule {
        let mut rule = RetryRule::default();
        if retry.never {
            self.nothing_beside_never(retry);
            rule.rerun_lost = false;
            return rule;
        }
        if retry.retries > MAX_RETRIES {
            self.add(
                "retry.retries",
                format!("must be at most {MAX_RETRIES}, not {}", retry.retries),
            );
        }
        rule.retries = retry.retries;
        self.waits(retry, &mut rule);
        self.exit_codes(retry, &mut rule);
        if retry.max_lost > MAX_LOST {
            self.add(
                "retry.max_lost",
                format!("must be from 1 to {MAX_LOST}, not {}", retry.max_lost),
            );
        } else if retry.max_lost > 0 {
            rule.max_lost = retry.max_lost;
        }
        rule
    }

    /// No second attempt whatever fails leaves nothing else to say.
    fn nothing_beside_never(&mut self, retry: &v1::RetryRule) {
        let beside = [
            ("retry.retries", retry.retries > 0),
            ("retry.exit_codes", !retry.exit_codes.is_empty()),
            ("retry.fatal_exit_codes", !retry.fatal_exit_codes.is_empty()),
            ("retry.max_lost", retry.max_lost > 0),
            ("retry.backoff", retry.backoff.is_some()),
            ("retry.max_backoff", retry.max_backoff.is_some()),
            ("retry.factor_permille", retry.factor_permille > 0),
        ];
        for (field, said) in beside {
            if said {
                self.add(
                    field,
                    "contradicts `never`, which allows no second attempt whatever fails",
                );
            }
        }
    }

    fn waits(&mut self, retry: &v1::RetryRule, rule: &mut RetryRule) {
        if let Some(ms) = self.duration("retry.backoff", retry.backoff.as_ref()) {
            rule.backoff_ms = ms;
            rule.max_backoff_ms = rule.max_backoff_ms.max(ms);
        }
        if let Some(ms) = self.duration("retry.max_backoff", retry.max_backoff.as_ref()) {
            rule.max_backoff_ms = ms;
            if ms < rule.backoff_ms {
                self.add(
                    "retry.max_backoff",
                    "is shorter than `backoff`, the longest wait before the first retry",
                );
            }
        }
        if retry.factor_permille != 0 {
            if !FACTOR_PERMILLE.contains(&retry.factor_permille) {
                self.add(
                    "retry.factor_permille",
                    format!(
                        "must be from {} (constant) to {}, not {}",
                        FACTOR_PERMILLE.start(),
                        FACTOR_PERMILLE.end(),
                        retry.factor_permille
                    ),
                );
            }
            rule.factor_permille = retry.factor_permille;
        }
    }

    fn exit_codes(&mut self, retry: &v1::RetryRule, rule: &mut RetryRule) {
        rule.exit_codes = self.codes("retry.exit_codes", &retry.exit_codes);
        rule.fatal_exit_codes = self.codes("retry.fatal_exit_codes", &retry.fatal_exit_codes);
        let in_both = |code: &&i32| rule.fatal_exit_codes.contains(code);
        if let Some(code) = rule.exit_codes.iter().find(in_both) {
            self.add(
                "retry.fatal_exit_codes",
                format!("{code} stands in `exit_codes` as well; is it tried again or not?"),
            );
        }
    }

    /// Ascending, each once.
    fn codes(&mut self, field: &str, codes: &[i32]) -> ExitCodes {
        if let Some(place) = codes.iter().position(|code| !EXIT_CODES.contains(code)) {
            self.add(
                &format!("{field}[{place}]"),
                format!(
                    "must be from 1 to 255 (0 is success, 128 + n is a death by signal n), not {}",
                    codes[place]
                ),
            );
            return ExitCodes::default();
        }
        let mut codes = codes.to_vec();
        codes.sort_unstable();
        codes.dedup();
        codes.into()
    }
}
