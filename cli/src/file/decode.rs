//! Values out of a [`Node`]. Every problem is noted with its place, and decoding goes on where it can.

mod entries;
mod failure;

use std::{
    cell::RefCell,
    collections::{BTreeMap, btree_map},
};

use serde::de::{
    DeserializeOwned, Deserializer, IntoDeserializer, Visitor, value::StringDeserializer,
};

use entries::{Entries, Items};
use failure::{Failure, one_of, plain, suggest};

use super::{
    problem::Problem,
    tree::{Entry, Node, Value},
};

/// Decodes `node`, noting what is wrong. `None`: something was.
pub(super) fn decode<T: DeserializeOwned>(
    node: &Node,
    problems: &RefCell<Vec<Problem>>,
) -> Option<T> {
    let before = problems.borrow().len();
    let decoder = Decoder { node, problems };
    let value = decoder.noted(T::deserialize(decoder)).ok();
    value.filter(|_| problems.borrow().len() == before)
}

#[derive(Clone, Copy)]
struct Decoder<'a> {
    node: &'a Node,
    problems: &'a RefCell<Vec<Problem>>,
}

impl Decoder<'_> {
    fn note(&self, problem: Problem) -> Failure {
        self.problems.borrow_mut().push(problem);
        Failure::Noted
    }

    /// Gives the failure the place of this node, unless it has one.
    fn noted<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        result.map_err(|failure| match failure {
            Failure::Message { message, help } => self.note(Problem {
                place: self.node.place,
                message,
                help,
            }),
            Failure::Expected(expected) => self.unexpected(&expected, None),
            Failure::Noted => Failure::Noted,
        })
    }

    fn unexpected(&self, expected: &str, help: Option<String>) -> Failure {
        self.note(Problem {
            place: self.node.place,
            message: format!("expected {expected}, found {}", self.node.value.kind()),
            help,
        })
    }

    /// Notes repeated fields; the first of each is kept.
    fn unique<'a>(&self, entries: impl Iterator<Item = &'a Entry>) -> Vec<&'a Entry> {
        let mut first_lines = BTreeMap::new();
        let mut unique = Vec::new();
        for entry in entries {
            match first_lines.entry(entry.key.as_str()) {
                btree_map::Entry::Vacant(vacant) => {
                    vacant.insert(entry.key_place.line);
                    unique.push(entry);
                }
                btree_map::Entry::Occupied(first) => {
                    self.note(Problem {
                        place: entry.key_place,
                        message: format!("`{}` stands here twice", entry.key),
                        help: Some(format!("the first is in line {}", first.get())),
                    });
                }
            }
        }
        unique
    }
}

impl<'de> Deserializer<'de> for Decoder<'_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Integer(value, _) => visitor.visit_i128(*value),
            Value::Float(value, _) => visitor.visit_f64(*value),
            Value::Text(text) => visitor.visit_str(text),
            Value::List(items) => visitor.visit_seq(Items::new(items, self)),
            Value::Map(entries) => {
                visitor.visit_map(Entries::new(self.unique(entries.iter()), self))
            }
        }
    }

    /// Anything that was written in one piece is a text: `[sleep, 1.10]` and `PORT: 8080` need no quotes.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.node.value.as_text() {
            Some(text) => visitor.visit_str(text),
            None => Err(Failure::Expected(plain(&visitor))),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::Bool(value) => visitor.visit_bool(*value),
            _ => Err(Failure::Expected("true or false".to_owned())),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::List(_) => self.deserialize_any(visitor),
            _ => Err(Failure::Expected(plain(&visitor))),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::Map(_) => self.deserialize_any(visitor),
            _ => Err(Failure::Expected(plain(&visitor))),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let Value::Map(entries) = &self.node.value else {
            let help = format!("the fields here are {}", fields.join(", "));
            return Err(self.unexpected("a mapping", Some(help)));
        };
        let (known, unknown): (Vec<_>, Vec<_>) = entries
            .iter()
            .partition(|entry| fields.contains(&entry.key.as_str()));
        for entry in unknown {
            self.note(Problem {
                place: entry.key_place,
                message: format!("unknown field `{}`", entry.key),
                help: Some(suggest(&entry.key, fields)),
            });
        }
        let known = self.unique(known.into_iter());
        visitor.visit_map(Entries::new(known, self))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match self.node.value.as_text() {
            Some(text) if variants.contains(&text) => {
                let variant: StringDeserializer<Failure> = text.to_owned().into_deserializer();
                visitor.visit_enum(variant)
            }
            _ => Err(Failure::Expected(one_of(variants))),
        }
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
        identifier ignored_any
    }
}
