//! What stands in lists and mappings.

use std::cell::RefCell;

use serde::de::{
    DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, value::StringDeserializer,
};

use super::{Decoder, Failure};
use crate::file::{
    problem::Problem,
    tree::{Entry, Node},
};

pub(super) struct Items<'a> {
    items: std::slice::Iter<'a, Node>,
    problems: &'a RefCell<Vec<Problem>>,
}

impl<'a> Items<'a> {
    pub(super) fn new(items: &'a [Node], decoder: Decoder<'a>) -> Self {
        Self {
            items: items.iter(),
            problems: decoder.problems,
        }
    }
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        let problems = self.problems;
        self.items
            .next()
            .map(|node| {
                let decoder = Decoder { node, problems };
                decoder.noted(seed.deserialize(decoder))
            })
            .transpose()
    }
}

pub(super) struct Entries<'a> {
    entries: std::vec::IntoIter<&'a Entry>,
    current: Option<&'a Entry>,
    problems: &'a RefCell<Vec<Problem>>,
}

impl<'a> Entries<'a> {
    pub(super) fn new(entries: Vec<&'a Entry>, decoder: Decoder<'a>) -> Self {
        Self {
            entries: entries.into_iter(),
            current: None,
            problems: decoder.problems,
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        self.current = self.entries.next();
        let Some(entry) = self.current else {
            return Ok(None);
        };
        let key: StringDeserializer<Failure> = entry.key.clone().into_deserializer();
        seed.deserialize(key).map(Some).map_err(|failure| {
            if let Failure::Message { message, help } = failure {
                self.problems.borrow_mut().push(Problem {
                    place: entry.key_place,
                    message,
                    help,
                });
            }
            Failure::Noted
        })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let entry = self.current.expect("a key comes before its value");
        let decoder = Decoder {
            node: &entry.node,
            problems: self.problems,
        };
        decoder.noted(seed.deserialize(decoder))
    }
}
