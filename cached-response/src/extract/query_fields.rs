//! The names that a query type reads, found by deserialising it from nothing.
//!
//! A derived `Deserialize` of a struct asks for `deserialize_struct` with the names of its fields,
//! aliases among them, reads each name as an identifier, and ignores pairs of other names. Whatever
//! refuses those, or asks for anything else (a map, a flattened struct, a type that looks first, a
//! visitor that reads names as text), may see every pair and the order of all.

use crate::route::inputs::Fields;
use serde::{
    Deserializer,
    de::{DeserializeOwned, DeserializeSeed, Error, MapAccess, Visitor},
    forward_to_deserialize_any,
};
use std::fmt;

pub(crate) fn of<T: DeserializeOwned>() -> Fields {
    match T::deserialize(Ask) {
        Err(Answer::Ignores(fields)) => Some(fields),
        _ => None,
    }
}

/// Returns the names of a type that takes pairs by name alone, whether it ignores a pair of another
/// name or refuses it, as with `#[serde(deny_unknown_fields)]`.
pub(crate) fn taken_by_name<T: DeserializeOwned>() -> Fields {
    match T::deserialize(Ask) {
        Err(Answer::Ignores(fields) | Answer::Refuses(fields)) => Some(fields),
        _ => None,
    }
}

/// Has nothing to give, and notes what it was asked for.
struct Ask;

/// A pair whose name no field has: what ignores it cannot see such pairs, and what refuses it can.
struct UnknownField {
    fields: &'static [&'static str],
    given: bool,
}

impl<'de> MapAccess<'de> for UnknownField {
    type Error = Answer;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Answer> {
        if std::mem::replace(&mut self.given, true) {
            return Err(Answer::Ignores(self.fields));
        }
        seed.deserialize(StrangeName).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Answer> {
        seed.deserialize(Ask)
    }
}

/// A name that no field has, for whatever takes names as identifiers.
struct StrangeName;

impl<'de> Deserializer<'de> for StrangeName {
    type Error = Answer;

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Answer> {
        visitor.visit_str("\0")
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        Err(Answer::MaySeeAll)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum ignored_any
    }
}

/// The names asked for, on the way of an error.
#[derive(Debug)]
enum Answer {
    /// A pair of another name is ignored.
    Ignores(&'static [&'static str]),
    /// A pair of another name is an error.
    Refuses(&'static [&'static str]),
    /// No names are known to be all that is read.
    MaySeeAll,
}

impl<'de> Deserializer<'de> for Ask {
    type Error = Answer;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Answer> {
        let stranger = UnknownField {
            fields,
            given: false,
        };
        visitor.visit_map(stranger).and(Err(Answer::MaySeeAll))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Answer> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Answer> {
        visitor.visit_unit()
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        Err(Answer::MaySeeAll)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map enum identifier
    }
}

impl Error for Answer {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::MaySeeAll
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::Refuses(expected)
    }
}

impl std::error::Error for Answer {}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("asked for the names of fields")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::HashMap;

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its shape is asked for")]
    struct Listing {
        #[serde(default)]
        page: u32,
        #[serde(rename = "order-by", alias = "sort")]
        order: Option<String>,
        #[serde(skip)]
        skipped: u32,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its shape is asked for")]
    struct Flat {
        #[serde(flatten)]
        page: Listing,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its shape is asked for")]
    struct Wrapped(Listing);

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape is asked for")]
    struct Strict {
        page: u32,
    }

    /// Reads its pairs by hand, and takes the first name for itself.
    struct First;

    impl<'de> Deserialize<'de> for First {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            struct Pairs;
            impl<'de> Visitor<'de> for Pairs {
                type Value = First;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("pairs")
                }

                fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<First, A::Error> {
                    while pairs.next_key::<String>()?.is_some() {
                        pairs.next_value::<serde::de::IgnoredAny>()?;
                    }
                    Ok(First)
                }
            }
            from.deserialize_struct("First", &["a"], Pairs)
        }
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct StrictlyNothing {}

    #[derive(Deserialize)]
    struct Nothing {}

    #[test]
    fn a_struct_reads_its_fields_under_all_their_names() {
        let mut fields = of::<Listing>().unwrap().to_vec();
        fields.sort_unstable();
        assert_eq!(fields, ["order-by", "page", "sort"]);
        assert_eq!(of::<Wrapped>().unwrap().len(), 3);
        assert_eq!(of::<Nothing>(), Some(&[][..]));
    }

    #[test]
    fn what_is_no_plain_struct_may_read_everything() {
        assert_eq!(of::<Flat>(), None);
        assert_eq!(of::<Strict>(), None);
        assert_eq!(of::<StrictlyNothing>(), None);
        assert_eq!(of::<First>(), None, "it can see the first name of all");
        assert_eq!(of::<HashMap<String, String>>(), None);
        assert_eq!(of::<Vec<(String, String)>>(), None);
        assert_eq!(of::<(u32, u32)>(), None);
        assert_eq!(of::<serde_json::Value>(), None);
        assert_eq!(of::<()>(), None);
    }

    #[test]
    fn a_struct_that_refuses_other_names_takes_pairs_by_its_own() {
        assert_eq!(taken_by_name::<Strict>(), Some(&["page"][..]));
        assert_eq!(taken_by_name::<StrictlyNothing>(), Some(&[][..]));
        assert_eq!(taken_by_name::<Listing>(), of::<Listing>());
        assert_eq!(taken_by_name::<Flat>(), None);
        assert_eq!(taken_by_name::<First>(), None);
        assert_eq!(taken_by_name::<HashMap<String, String>>(), None);
        assert_eq!(taken_by_name::<Vec<(String, String)>>(), None);
    }
}
