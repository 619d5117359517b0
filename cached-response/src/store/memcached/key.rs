//! Keys of a server for the names of a store.

use sha1::{Digest, Sha1};
use std::{borrow::Cow, fmt::Write};

/// The maximum length of a key, in bytes.
const MAX_KEY_BYTES: usize = 250;

/// The first character of a key that is the hash of a name.
const HASHED: char = '#';

/// A name if a server accepts it as a key: 250 printable bytes at most, without spaces. Otherwise a hash
/// of the name.
pub(crate) struct MemcachedKey<'a>(Cow<'a, str>);

impl<'a> MemcachedKey<'a> {
    pub(crate) fn of(name: &'a str) -> Self {
        let is_plain = !name.is_empty()
            && name.len() <= MAX_KEY_BYTES
            && !name.starts_with(HASHED)
            && name.bytes().all(|byte| byte.is_ascii_graphic());
        Self(if is_plain {
            name.into()
        } else {
            hashed(name).into()
        })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

fn hashed(name: &str) -> String {
    let mut text = String::with_capacity(41);
    text.push(HASHED);
    for byte in Sha1::digest(name) {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(name: &str) -> String {
        MemcachedKey::of(name).0.into_owned()
    }

    #[test]
    fn a_plain_name_is_its_own_key() {
        let longest = "x".repeat(250);
        for name in ["a", "shop:/products/42:0f", longest.as_str()] {
            assert_eq!(key(name), name);
        }
    }

    #[test]
    fn other_names_have_keys_of_their_own() {
        let names = [
            "",
            "a b",
            "a\tb",
            "a\r\nflush_all\r\n",
            "\u{7f}",
            "ä",
            "#a",
            &key("a b"),
        ];
        let long = [
            format!("{}a", "x".repeat(250)),
            format!("{}b", "x".repeat(250)),
        ];
        let mut keys: Vec<_> = names
            .into_iter()
            .map(key)
            .chain(long.map(|name| key(&name)))
            .collect();
        assert!(
            keys.iter()
                .all(|key| key.starts_with('#') && key.len() == 41)
        );
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 10);
    }

    proptest! {
        #[test]
        fn any_name_has_a_key_that_a_server_accepts(name in "\\PC{0,300}|[ -~]{0,300}|(?s).{0,20}") {
            let key = key(&name);
            prop_assert!((1..=250).contains(&key.len()));
            prop_assert!(key.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert!(key == name || key.starts_with('#'));
        }
    }
}
