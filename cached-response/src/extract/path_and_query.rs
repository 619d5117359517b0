//! The values that a `Path<T>` reads, and the field names of a `Query<T>`, found by deserializing `T`.
//!
//! **Path.** For tags, the value of a path parameter has one canonical text: `/p/007` and `/p/+7` are 7 for a
//! `Path<u32>`, and a UUID has four spellings. `T` is deserialised from the parameters of a request as in
//! actix-web, and the called methods are recorded: a number, a UUID or an address gets its canonical form, any
//! other text remains as it was sent.
//!
//! **Query.** A derived `Deserialize` of a struct calls `deserialize_struct` with the names of its fields and
//! their aliases, reads each name as an identifier, and ignores pairs with other names; a dry run finds them. A
//! type that rejects those, or calls another method (a map, a flattened struct, an untagged enum, a visitor that
//! reads names as text), may depend on every pair and on their order.

use crate::{
    invalidation::tags::{address, decoded, uuid},
    key::query::without_flag,
    route::inputs::Fields,
};
use actix_web::{Error as ActixError, FromRequest, HttpRequest, dev::Payload, web::Query};
use serde::{
    Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor,
        value::{Error as ReadError, StrDeserializer},
    },
    forward_to_deserialize_any,
};
use std::{
    borrow::Cow,
    cell::RefCell,
    error::Error as StdError,
    fmt::{self, Display},
};

/// The parameters of a request: name, and value as the router has it.
type Parameters<'p> = &'p [(&'p str, &'p str)];

/// Returns the values that `T` reads, in the order of the parameters; `None` where the text is the value.
pub(crate) fn path_values<T: DeserializeOwned>(parameters: Parameters<'_>) -> Vec<Option<String>> {
    let read = RefCell::new(vec![None; parameters.len()]);
    let deserializer = PathDeserializer {
        parameters,
        one: None,
        read: &read,
    };
    // A request whose parameters cannot be read has no response to tag.
    let _ = T::deserialize(deserializer);
    read.into_inner()
}

/// Deserialises all parameters, or one of them.
#[derive(Clone, Copy)]
struct PathDeserializer<'p> {
    parameters: Parameters<'p>,
    one: Option<usize>,
    read: &'p RefCell<Vec<Option<String>>>,
}

impl<'p> PathDeserializer<'p> {
    fn one(self, at: usize) -> Self {
        let one = Some(at);
        Self { one, ..self }
    }

    /// The place of the parameter that is read as a single value.
    fn at(self) -> usize {
        self.one.unwrap_or_default()
    }

    fn text(self) -> Result<Cow<'p, str>, ReadError> {
        let parameter = self.parameters.get(self.at());
        let parameter = parameter.map(|(_, text)| decoded(text));
        parameter.ok_or_else(|| Error::custom("the route has fewer parameters"))
    }

    fn record(self, value: Option<String>) {
        if let Some(read) = self.read.borrow_mut().get_mut(self.at()) {
            *read = value;
        }
    }

    /// Records the canonical form for a visitor of text, by the type that its `expecting` names.
    fn record_text<'de, V: Visitor<'de>>(self, text: &str, visitor: &V) {
        let expected = Expecting(&|f| visitor.expecting(f))
            .to_string()
            .to_ascii_lowercase();
        if expected.contains("uuid") {
            self.record(uuid(text));
        } else if expected.contains("ip address") || expected.contains("ipv") {
            self.record(address(text));
        }
    }
}

/// The `expecting` text of a visitor.
struct Expecting<'v>(&'v dyn Fn(&mut fmt::Formatter<'_>) -> fmt::Result);

impl Display for Expecting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident $ty:ty,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            let value: $ty = self.text()?.parse().map_err(Error::custom)?;
            self.record(Some(value.to_string()));
            visitor.$visit(value)
        }
    )*};
}

impl<'de> Deserializer<'de> for PathDeserializer<'_> {
    type Error = ReadError;

    parsed! {
        deserialize_bool visit_bool bool,
        deserialize_char visit_char char,
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_i128 visit_i128 i128,
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
        deserialize_u128 visit_u128 u128,
        deserialize_f32 visit_f32 f32,
        deserialize_f64 visit_f64 f64,
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let text = self.text()?;
        self.record_text(&text, &visitor);
        visitor.visit_string(text.into_owned())
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_byte_buf(self.text()?.into_owned().into_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.one {
            Some(_) => visitor.visit_some(self),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.one {
            Some(_) => self.deserialize_any(visitor),
            None => visitor.visit_seq(ParameterAccess { all: self, next: 0 }),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let name = self.text()?;
        let name: StrDeserializer<'_, ReadError> = (*name).into_deserializer();
        visitor.visit_enum(name)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.one {
            Some(_) => visitor.visit_unit(),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.one {
            Some(_) => visitor.visit_string(self.text()?.into_owned()),
            None => visitor.visit_map(ParameterAccess { all: self, next: 0 }),
        }
    }

    forward_to_deserialize_any! { unit unit_struct map struct identifier }
}

/// Sequence and map of the parameters.
struct ParameterAccess<'p> {
    all: PathDeserializer<'p>,
    next: usize,
}

impl<'de> SeqAccess<'de> for ParameterAccess<'_> {
    type Error = ReadError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ReadError> {
        if self.next == self.all.parameters.len() {
            return Ok(None);
        }
        self.next += 1;
        seed.deserialize(self.all.one(self.next - 1)).map(Some)
    }
}

impl<'de> MapAccess<'de> for ParameterAccess<'_> {
    type Error = ReadError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ReadError> {
        let Some((name, _)) = self.all.parameters.get(self.next) else {
            return Ok(None);
        };
        self.next += 1;
        let name: StrDeserializer<'_, ReadError> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ReadError> {
        seed.deserialize(self.all.one(self.next - 1))
    }
}

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
    use proptest::prelude::*;
    use serde::Deserialize;
    use std::{collections::HashMap, net::IpAddr};

    fn values<T: DeserializeOwned>(parameters: Parameters<'_>) -> Vec<Option<String>> {
        path_values::<T>(parameters)
    }

    fn one<T: DeserializeOwned>(text: &str) -> String {
        let [value] = &values::<T>(&[("id", text)])[..] else {
            unreachable!("there is one parameter");
        };
        value.clone().unwrap_or_else(|| decoded(text).into_owned())
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its fields matter")]
    struct Id(u32);

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its fields matter")]
    struct Place {
        shop: String,
        id: Option<Id>,
    }

    /// Reads text, as the type of the crate `uuid` does.
    struct Uuid;

    impl<'de> Deserialize<'de> for Uuid {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            struct Text;
            impl Visitor<'_> for Text {
                type Value = Uuid;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a UUID string")
                }

                fn visit_str<E>(self, _: &str) -> Result<Uuid, E> {
                    Ok(Uuid)
                }
            }
            from.deserialize_str(Text)
        }
    }

    #[test]
    fn a_number_has_one_canonical_text() {
        for text in ["7", "007", "+7", "%2B7"] {
            assert_eq!(one::<u32>(text), "7", "{text}");
            assert_eq!(one::<i64>(text), "7", "{text}");
            assert_eq!(one::<f64>(text), "7", "{text}");
            assert_eq!(one::<Id>(text), "7", "{text}");
            assert_eq!(one::<(u8,)>(text), "7", "{text}");
        }
        assert_eq!(one::<i32>("-007"), "-7");
        assert_eq!(one::<f64>("1.50"), "1.5");
    }

    #[test]
    fn text_remains_as_it_was_sent() {
        for text in ["007", "+7", "ABC", "6BA7B810-9DAD-11D1-80B4-00C04FD430C8"] {
            assert_eq!(one::<String>(text), text);
            assert_eq!(one::<Box<str>>(text), text);
        }
        assert_eq!(one::<u32>("seven"), "seven");
        assert_eq!(one::<u8>("0700"), "0700", "it is too large for its type");
    }

    #[test]
    fn a_uuid_and_an_address_have_one_canonical_text() {
        const ID: &str = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
        for text in [
            "6BA7B810-9DAD-11D1-80B4-00C04FD430C8",
            "6ba7b8109dad11d180b400c04fd430c8",
            "%7B6ba7b810-9dad-11d1-80b4-00c04fd430c8%7D",
            "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        ] {
            assert_eq!(one::<Uuid>(text), ID, "{text}");
        }
        assert_eq!(one::<IpAddr>("2001:DB8:0:0::1"), "2001:db8::1");
    }

    #[test]
    fn each_parameter_has_the_value_of_its_field() {
        let parameters = [("shop", "007"), ("id", "007")];
        let seven = Some("7".to_owned());
        assert_eq!(values::<Place>(&parameters), [None, seven.clone()]);
        assert_eq!(values::<(String, u32)>(&parameters), [None, seven.clone()]);
        assert_eq!(values::<(u32, String)>(&parameters), [seven, None]);
        assert_eq!(values::<HashMap<String, String>>(&parameters), [None, None]);
        assert_eq!(values::<u32>(&[]), []);
    }

    proptest! {
        #[test]
        fn every_spelling_of_a_number_has_one_text(number: i64, zeros in 0_usize..4) {
            let sign = if number < 0 { "-" } else { "+" };
            let text = format!("{sign}{}{}", "0".repeat(zeros), number.unsigned_abs());
            prop_assert_eq!(one::<i64>(&text), number.to_string());
        }

        #[test]
        fn any_text_remains_text(text in ".*") {
            let sent = text.replace('%', "%25");
            prop_assert_eq!(one::<String>(&sent), text);
        }
    }

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
