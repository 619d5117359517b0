//! The field names of a `Query<T>`, and its extraction without the refresh flag.
//!
//! A derived `Deserialize` of a struct calls `deserialize_struct` with the names of its fields and their aliases,
//! reads each name as an identifier, and ignores pairs with other names; a dry run finds them. A type that
//! rejects those, or calls another method (a map, a flattened struct, an untagged enum, a visitor that reads
//! names as text), may depend on every pair and on their order.

use crate::{key::query::without_flag, route::inputs::Fields};
use actix_web::{Error as ActixError, FromRequest, HttpRequest, dev::Payload, web::Query};
use serde::{
    Deserializer,
    de::{DeserializeOwned, DeserializeSeed, Error, MapAccess, Visitor},
    forward_to_deserialize_any,
};
use std::{
    error::Error as StdError,
    fmt::{self, Display},
};

/// Returns the names of a type that reads no other pair.
pub(crate) fn query_fields<T: DeserializeOwned>() -> Fields {
    match T::deserialize(DryRun) {
        Err(DryRunResult::Ignores(fields)) => Some(fields),
        _ => None,
    }
}

/// Returns the names of a type that reads pairs by name alone, whether it ignores a pair with another
/// name or rejects it (`#[serde(deny_unknown_fields)]`).
pub(crate) fn taken_by_name<T: DeserializeOwned>() -> Fields {
    match T::deserialize(DryRun) {
        Err(DryRunResult::Ignores(fields) | DryRunResult::Rejects(fields)) => Some(fields),
        _ => None,
    }
}

/// Extracts a query as if without its pair `<flag>=1`.
///
/// `None` for a type with a field of that name, which receives the pair; and for one that may read any
/// name, unless the query is an error with the pair: such a route stores no forced refresh.
pub(crate) fn extract_without<T: DeserializeOwned>(
    request: &HttpRequest,
    flag: &str,
) -> Option<Result<Query<T>, ActixError>> {
    let query = request.query_string();
    let hidden = match taken_by_name::<T>() {
        Some(names) if names.contains(&flag) => return None,
        names => names.is_some(),
    };
    if !hidden && Query::<T>::from_query(query).is_ok() {
        return None;
    }
    match Query::from_query(&without_flag(query, flag)) {
        Ok(extracted) => Some(Ok(extracted)),
        // The `QueryConfig` of the application creates the error, from the whole query.
        Err(error) if hidden => {
            let refused = Query::<T>::from_request(request, &mut Payload::None).into_inner();
            Some(Err(refused.err().unwrap_or_else(|| error.into())))
        }
        Err(_) => None,
    }
}

/// A deserialiser without data, whose error is the method that was called.
struct DryRun;

/// A map with one pair whose name no field has.
struct UnknownField {
    fields: &'static [&'static str],
    given: bool,
}

impl<'de> MapAccess<'de> for UnknownField {
    type Error = DryRunResult;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DryRunResult> {
        if std::mem::replace(&mut self.given, true) {
            return Err(DryRunResult::Ignores(self.fields));
        }
        seed.deserialize(UnknownName).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DryRunResult> {
        seed.deserialize(DryRun)
    }
}

/// The name of that pair, readable as an identifier only.
struct UnknownName;

impl<'de> Deserializer<'de> for UnknownName {
    type Error = DryRunResult;

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DryRunResult> {
        visitor.visit_str("\0")
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, DryRunResult> {
        Err(DryRunResult::ReadsAll)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum ignored_any
    }
}

/// The result of a dry run, as its error.
#[derive(Debug)]
enum DryRunResult {
    /// The field names; a pair with another name is ignored.
    Ignores(&'static [&'static str]),
    /// The field names; a pair with another name is an error.
    Rejects(&'static [&'static str]),
    /// The type may read every pair.
    ReadsAll,
}

impl<'de> Deserializer<'de> for DryRun {
    type Error = DryRunResult;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DryRunResult> {
        let unknown = UnknownField {
            fields,
            given: false,
        };
        visitor.visit_map(unknown).and(Err(DryRunResult::ReadsAll))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DryRunResult> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(
        self,
        visitor: V,
    ) -> Result<V::Value, DryRunResult> {
        visitor.visit_unit()
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, DryRunResult> {
        Err(DryRunResult::ReadsAll)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map enum identifier
    }
}

impl Error for DryRunResult {
    fn custom<T: Display>(_: T) -> Self {
        Self::ReadsAll
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::Rejects(expected)
    }
}

impl StdError for DryRunResult {}

impl Display for DryRunResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("dry run for the names of fields")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::HashMap;

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its fields matter")]
    struct Listing {
        #[serde(default)]
        page: u32,
        #[serde(rename = "order-by", alias = "sort")]
        order: Option<String>,
        #[serde(skip)]
        skipped: u32,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its fields matter")]
    struct Flat {
        #[serde(flatten)]
        page: Listing,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its fields matter")]
    struct Wrapped(Listing);

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its fields matter")]
    struct Strict {
        page: u32,
    }

    /// Reads its pairs by hand, with their names as text.
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
        let mut fields = query_fields::<Listing>().unwrap().to_vec();
        fields.sort_unstable();
        assert_eq!(fields, ["order-by", "page", "sort"]);
        assert_eq!(query_fields::<Wrapped>().unwrap().len(), 3);
        assert_eq!(query_fields::<Nothing>(), Some(&[][..]));
    }

    #[test]
    fn a_type_that_is_no_plain_struct_may_read_every_pair() {
        assert_eq!(query_fields::<Flat>(), None);
        assert_eq!(query_fields::<Strict>(), None);
        assert_eq!(query_fields::<StrictlyNothing>(), None);
        assert_eq!(query_fields::<First>(), None, "it reads the names as text");
        assert_eq!(query_fields::<HashMap<String, String>>(), None);
        assert_eq!(query_fields::<Vec<(String, String)>>(), None);
        assert_eq!(query_fields::<(u32, u32)>(), None);
        assert_eq!(query_fields::<serde_json::Value>(), None);
        assert_eq!(query_fields::<()>(), None);
    }

    #[test]
    fn a_struct_that_rejects_other_names_reads_pairs_by_its_own() {
        assert_eq!(taken_by_name::<Strict>(), Some(&["page"][..]));
        assert_eq!(taken_by_name::<StrictlyNothing>(), Some(&[][..]));
        assert_eq!(taken_by_name::<Listing>(), query_fields::<Listing>());
        assert_eq!(taken_by_name::<Flat>(), None);
        assert_eq!(taken_by_name::<First>(), None);
        assert_eq!(taken_by_name::<HashMap<String, String>>(), None);
        assert_eq!(taken_by_name::<Vec<(String, String)>>(), None);
    }
}
