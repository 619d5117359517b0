//! Tags in a response header, by which a CDN invalidates.

use crate::{invalidation::registry::RESERVED, metrics::observers::TARGET};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// The header that has the tags of a response.
#[derive(Clone, Debug)]
pub(crate) struct SurrogateKeys {
    header: HeaderName,
    separator: &'static str,
}

/// Everything that separates keys in one of the headers, and the sign of an escape.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b',').add(b'%');

/// Longest value in bytes, as CDNs accept it.
const MAX_VALUE_BYTES: usize = 16 << 10;

/// Headers that keep a response out of a CDN's cache: without its keys it could not be invalidated there.
const NO_STORE: [&str; 2] = ["cdn-cache-control", "surrogate-control"];

/// Returns the key of a tag: the tag, with spaces, commas, percent signs and what is not printable ASCII
/// percent-encoded.
pub(crate) fn key(tag: &str) -> String {
    utf8_percent_encode(tag, ESCAPED).to_string()
}

impl SurrogateKeys {
    pub(crate) fn new(header: HeaderName) -> Self {
        // `Cache-Tag` and `Edge-Cache-Tag`.
        let is_list = header.as_str().ends_with("-tag");
        Self {
            header,
            separator: if is_list { "," } else { " " },
        }
    }

    /// Adds the keys of these tags to those that the handler has set.
    pub(crate) fn add<'a>(&self, tags: impl Iterator<Item = &'a String>, headers: &mut HeaderMap) {
        let own = headers.get_all(&self.header);
        let own = own.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
        let mut keys: Vec<_> = own.collect();
        let own = keys.len();
        for key in tags
            .filter(|tag| !tag.starts_with(RESERVED))
            .map(|tag| key(tag))
        {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        if keys.len() == own {
            return;
        }
        let value = Some(keys.join(self.separator));
        let value = value.filter(|value| value.len() <= MAX_VALUE_BYTES);
        match value.and_then(|value| HeaderValue::try_from(value).ok()) {
            Some(value) => _ = headers.insert(self.header.clone(), value),
            None => self.refuse(headers),
        }
    }

    fn refuse(&self, headers: &mut HeaderMap) {
        tracing::warn!(
            target: TARGET,
            header = self.header.as_str(),
            "a response has more than 16 KiB of tags, and is kept out of the CDN: give it fewer or shorter ones"
        );
        headers.remove(&self.header);
        for name in NO_STORE {
            let value = HeaderValue::from_static("no-store");
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(header: &str, tags: &[String], own: Option<&str>) -> HeaderMap {
        let header: HeaderName = header.parse().unwrap();
        let mut headers = HeaderMap::new();
        if let Some(own) = own {
            headers.insert(header.clone(), HeaderValue::from_str(own).unwrap());
        }
        SurrogateKeys::new(header).add(tags.iter(), &mut headers);
        headers
    }

    fn strings(tags: &[&str]) -> Vec<String> {
        tags.iter().map(|tag| (*tag).to_owned()).collect()
    }

    #[test]
    fn keys_are_separated_as_their_header_has_them() {
        let tags = strings(&[
            "products",
            "product:7",
            "a b,c%",
            "\0/list",
            "products",
            "ü",
        ]);
        let keys = value("Surrogate-Key", &tags, None);
        assert_eq!(
            keys.get("surrogate-key").unwrap(),
            "products product:7 a%20b%2Cc%25 %C3%BC"
        );
        let keys = value("Cache-Tag", &tags, Some("own"));
        assert_eq!(
            keys.get("cache-tag").unwrap(),
            "own,products,product:7,a%20b%2Cc%25,%C3%BC"
        );
        assert!(value("Cache-Tag", &strings(&["\0/list"]), None).is_empty());
    }

    #[test]
    fn a_response_with_too_many_keys_is_kept_out_of_the_cdn() {
        let tags: Vec<_> = (0..64).map(|n| format!("{n}{}", " ".repeat(250))).collect();
        let headers = value("Surrogate-Key", &tags, Some("own"));
        assert!(!headers.contains_key("surrogate-key"));
        for name in NO_STORE {
            assert_eq!(headers.get(name).unwrap(), "no-store");
        }
    }

    proptest! {
        #[test]
        fn no_tag_is_two_keys_and_no_two_tags_are_one(tags in proptest::collection::hash_set(".{1,9}", 1..9)) {
            let tags: Vec<_> = tags.into_iter().filter(|tag| !tag.starts_with(RESERVED)).collect();
            for (header, separator) in [("surrogate-key", ' '), ("cache-tag", ',')] {
                let headers = value(header, &tags, None);
                let keys = headers.get(header).map_or("", |keys| keys.to_str().unwrap());
                let keys: Vec<_> = keys.split(separator).filter(|key| !key.is_empty()).collect();
                prop_assert_eq!(&keys, &tags.iter().map(|tag| key(tag)).collect::<Vec<_>>());
            }
        }
    }
}
