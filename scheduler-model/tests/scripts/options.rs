//! `key=value` words.

use std::collections::BTreeMap;

/// By key.
pub(super) struct Options<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Options<'a> {
    pub(super) fn parse(words: impl Iterator<Item = &'a str>) -> Self {
        Self(words.filter_map(|word| word.split_once('=')).collect())
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a str> {
        self.0.get(key).copied()
    }

    pub(super) fn number(&self, key: &str, default: u64) -> u64 {
        self.get(key)
            .map_or(default, |value| value.parse().expect("a number"))
    }

    pub(super) fn seconds(&self, key: &str) -> Option<u64> {
        self.get(key).map(milliseconds)
    }
}

pub(super) fn milliseconds(text: &str) -> u64 {
    let seconds: f64 = text.trim_end_matches('s').parse().expect("seconds");
    (seconds * 1000.0).round() as u64
}
