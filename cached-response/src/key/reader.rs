//! The request target in the bytes of a key, read back for a person: method and path, and the number
//! of query pairs.
//!
//! What else is in a key (values of arguments and headers, bodies, the text of the query) is skipped:
//! it may be a secret.

use crate::key::{ABSENT, Field, Key, LIST};

/// The request target of a key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct KeyTarget<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// Number of query pairs in the key.
    pub(crate) query_pairs: usize,
}

impl<'a> KeyTarget<'a> {
    /// Reads the key of a response. `None` for the key of a value, whose bytes are its caller's; a
    /// caller that does not know which of the two `key` is must not ask.
    pub(crate) fn of_response(key: &'a Key) -> Option<Self> {
        let mut target = Self {
            method: "GET",
            path: "",
            query_pairs: 0,
        };
        let mut rest = KeyFields(key.as_bytes());
        while !rest.0.is_empty() {
            let (tag, bytes) = rest.field()?;
            if tag == Field::Method as u8 {
                target.method = str::from_utf8(bytes).ok()?;
            } else if tag == Field::Path as u8 {
                target.path = str::from_utf8(bytes).ok()?;
            } else if tag == Field::Query as u8 {
                target.query_pairs = bytes.split(|byte| *byte == b'&').count();
            }
        }
        target.path.starts_with(['/', '*']).then_some(target)
    }
}

/// The fields of a key that are not read yet.
struct KeyFields<'a>(&'a [u8]);

impl<'a> KeyFields<'a> {
    /// Reads a field and its value, empty for an absent one and for a list. `None` where the bytes are no
    /// field.
    fn field(&mut self) -> Option<(u8, &'a [u8])> {
        let tag = self.take(1)?[0];
        let value = if tag == Field::Part as u8 || tag == Field::Serde as u8 {
            let length = self.take(size_of::<u64>())?.try_into().ok()?;
            self.take(usize::try_from(u64::from_le_bytes(length)).ok()?)?
        } else if tag & ABSENT != 0 {
            &[]
        } else if tag & LIST != 0 {
            self.sized()?;
            while let Some(length) = self.length()?.checked_sub(1) {
                self.take(length)?;
            }
            &[]
        } else {
            self.sized()?
        };
        Some((tag, value))
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        self.take(length)
    }

    /// Reads a length in base 128.
    fn length(&mut self) -> Option<usize> {
        let mut length = 0;
        for shift in (0..usize::BITS).step_by(7) {
            let byte = self.take(1)?[0];
            length |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(length);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{KeyRef, KeyWriter};
    use proptest::prelude::*;
    use std::any::TypeId;

    fn key(bytes: &[u8]) -> Key {
        KeyRef::new(TypeId::of::<()>(), bytes).to_key()
    }

    proptest! {
        #[test]
        fn a_target_is_read_back_among_any_other_fields(
            part in ".{0,300}",
            path in "/[a-z/]{0,300}",
            query in prop::option::of("[a-z]=[a-z]{0,9}(&[a-z]=[a-z]{0,200}){0,3}"),
            lines in prop::collection::vec(".{0,9}", 0..3),
        ) {
            let mut writer = KeyWriter::reuse(Vec::new());
            writer.part(&part);
            writer.serde(&part);
            writer.field(Field::Method, b"POST");
            writer.field(Field::Path, path.as_bytes());
            writer.field(Field::Parameter, part.as_bytes());
            writer.optional(Field::Query, query.as_deref().map(str::as_bytes));
            writer.list(Field::Vary, "accept", lines.iter().map(String::as_bytes));
            writer.lines(Field::Vary, "accept", lines.iter());
            writer.absent(Field::Host);
            let pairs = query.as_deref().map_or(0, |query| query.split('&').count());
            let key = key(writer.as_bytes());
            let read = KeyTarget::of_response(&key);
            prop_assert_eq!(read, Some(KeyTarget { method: "POST", path: &path, query_pairs: pairs }));
        }

        #[test]
        fn bytes_that_are_no_key_are_refused(bytes: Vec<u8>) {
            let key = key(&bytes);
            if let Some(target) = KeyTarget::of_response(&key) {
                prop_assert!(target.path.starts_with(['/', '*']));
            }
        }
    }
}
