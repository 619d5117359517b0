//! The values that a `Path<T>` reads.
//!
//! For tags, the value of a path parameter has one canonical text: `/p/007` and `/p/+7` are 7 for a `Path<u32>`,
//! and a UUID has four spellings. `T` is deserialised from the parameters of a request as in actix-web, and the
//! called methods are recorded: a number, a UUID or an address gets its canonical form, any other text remains
//! as it was sent.

use crate::invalidation::tags::{address, decoded, uuid};
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
}
