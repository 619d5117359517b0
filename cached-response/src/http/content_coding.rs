//! Content codings that a middleware outside may have applied to an earlier answer.
//!
//! actix's `Compress` encodes whole answers and no parts, and leaves their entity tag unchanged: a
//! client that has the first half of an encoded answer holds the tag of the stored response, and the
//! other half of the latter would make a broken file.

use crate::http::fields;
use actix_web::mime::{self, Mime};

/// A set of content codings, as far as they distinguish clients: those that browsers send and servers
/// use. A client that accepts `zstd` accepts `br` too, and one that accepts `deflate` accepts `gzip`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Codings(u8);

impl Codings {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const GZIP: Self = Self(1);
    pub(crate) const BR: Self = Self(2);
    pub(crate) const ALL: Self = Self(3);

    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn is_all(self) -> bool {
        self == Self::ALL
    }

    /// Returns true if this set contains all of `other`.
    pub(crate) fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// The set as a byte, for the frame.
    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    /// Parses the byte of a frame.
    pub(crate) fn from_bits(bits: u8) -> Option<Self> {
        (bits <= Self::ALL.0).then_some(Self(bits))
    }
}

impl Default for Codings {
    fn default() -> Self {
        Self::ALL
    }
}

/// Returns true where `Accept-Encoding` allows any coding. A member that cannot be parsed allows one,
/// since another server may understand it.
pub(crate) fn accepts_any<'a>(accept_encoding: impl Iterator<Item = &'a [u8]>) -> bool {
    fields::tokens(accept_encoding).any(|member| {
        let mut words = member.split(|byte| *byte == b';');
        let coding = words.next().unwrap_or_default().trim_ascii();
        !coding.eq_ignore_ascii_case(b"identity") && !words.any(is_zero_weight)
    })
}

/// The codings that `Accept-Encoding` accepts for certain.
///
/// `*` names none, and a client that names `identity` may prefer it: both accept a response that is
/// not encoded.
pub(crate) fn accepted<'a>(accept_encoding: impl Iterator<Item = &'a [u8]>) -> Codings {
    let mut accepted = Codings::NONE;
    for member in fields::tokens(accept_encoding) {
        let mut words = member.split(|byte| *byte == b';');
        let coding = words.next().unwrap_or_default().trim_ascii();
        let is = |name: &str| coding.eq_ignore_ascii_case(name.as_bytes());
        let coding = if is("gzip") || is("x-gzip") {
            Codings::GZIP
        } else if is("br") {
            Codings::BR
        } else if is("identity") {
            return Codings::NONE;
        } else {
            Codings::NONE
        };
        if !words.any(is_zero_weight) {
            accepted = accepted.and(coding);
        }
    }
    accepted
}

/// The names in `Accept-Encoding`, sorted, where it has plain names only: then their order and
/// their lines have no meaning. `None` where a name has a weight, or an unusual spelling.
pub(crate) fn names<'a>(accept_encoding: impl Iterator<Item = &'a [u8]>) -> Option<Vec<&'a [u8]>> {
    let mut names = Vec::new();
    for name in fields::members(accept_encoding) {
        let is_plain =
            |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
        if name.is_empty() || !name.iter().all(is_plain) {
            return None;
        }
        names.push(name);
    }
    names.sort_unstable();
    names.dedup();
    Some(names)
}

fn is_zero_weight(word: &[u8]) -> bool {
    let [b'q' | b'Q', b'=', weight @ ..] = word.trim_ascii() else {
        return false;
    };
    match weight {
        [b'0'] => true,
        [b'0', b'.', digits @ ..] => digits.iter().all(|digit| *digit == b'0'),
        _ => false,
    }
}

/// Returns true for a media type that actix's `Compress` encodes: all but videos, and images other
/// than SVG.
pub(crate) fn is_encodable(content_type: Option<&[u8]>) -> bool {
    let media = content_type
        .and_then(|text| str::from_utf8(text).ok())
        .and_then(|text| text.parse::<Mime>().ok());
    let Some(media) = media else { return true };
    match media.type_() {
        mime::IMAGE => media.subtype() == mime::SVG,
        kind => kind != mime::VIDEO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn accepts(lines: &[&str]) -> bool {
        accepts_any(lines.iter().map(|line| line.as_bytes()))
    }

    #[test]
    fn a_coding_with_a_weight_is_accepted() {
        let fields: [&[&str]; 10] = [
            &["gzip"],
            &["gzip, deflate, br"],
            &["identity", "br"],
            &["identity;q=1, *;q=0.001"],
            &["*"],
            &["gzip;q=0.5"],
            &["gzip;q=0, br"],
            &["gzip;q=zero"],
            &["GZIP ; q=1"],
            &["gzip;q=0.000x"],
        ];
        for lines in fields {
            assert!(accepts(lines), "{lines:?}");
        }
    }

    #[test]
    fn identity_and_refused_codings_allow_none() {
        let fields: [&[&str]; 9] = [
            &[],
            &[""],
            &["identity"],
            &["Identity;q=0.5"],
            &["identity;q=1, *;q=0"],
            &["gzip;q=0"],
            &["gzip ; Q=0.000"],
            &["gzip;q=0.", "br; q=0.0"],
            &[" , ,"],
        ];
        for lines in fields {
            assert!(!accepts(lines), "{lines:?}");
        }
    }

    #[test]
    fn all_media_types_but_images_and_videos_may_be_encoded() {
        for media in [
            "text/html; charset=utf-8",
            "application/json",
            "application/wasm",
            "application/octet-stream",
            "audio/mpeg",
            "image/svg+xml",
            "IMAGE/SVG+XML",
            "image",
            "nonsense",
            "",
        ] {
            assert!(is_encodable(Some(media.as_bytes())), "{media}");
        }
        assert!(is_encodable(None));
        assert!(is_encodable(Some(b"image/\xff")));
        for media in [
            "image/png",
            "IMAGE/PNG",
            "video/mp4; codecs=\"avc1.42E01E\"",
        ] {
            assert!(!is_encodable(Some(media.as_bytes())), "{media}");
        }
    }

    #[test]
    fn the_codings_of_browsers_differ_from_those_of_tools() {
        let (none, gzip, br) = (Codings::NONE, Codings::GZIP, Codings::BR);
        let fields: [(&[&str], Codings); 12] = [
            (&[], none),
            (&["identity"], none),
            (&["*"], none),
            (&["deflate"], none),
            (&["gzip"], gzip),
            (&["x-gzip, deflate"], gzip),
            (&["gzip, deflate, br, zstd"], Codings::ALL),
            (&["GZIP;q=0.5", "br"], Codings::ALL),
            (&["br, gzip;q=0"], br),
            (&["gzip;q=0"], none),
            (&["gzip;q=1.0, identity;q=0.5, *;q=0"], none),
            (&["identity;q=0, gzip"], none),
        ];
        for (lines, expected) in fields {
            let lines = lines.iter().map(|line| line.as_bytes());
            assert_eq!(accepted(lines), expected);
        }
        assert!(Codings::ALL.covers(gzip) && gzip.covers(none) && !gzip.covers(br));
    }

    #[test]
    fn plain_names_are_a_set_and_weighted_ones_are_not() {
        let set = |lines: &[&'static str]| names(lines.iter().map(|line| line.as_bytes()));
        assert_eq!(set(&["gzip, br"]), set(&["br,gzip", "br"]));
        assert_ne!(set(&["gzip, br"]), set(&["gzip"]));
        assert_eq!(set(&[]), Some(Vec::new()));
        for odd in ["", "gzip,,br", "GZIP", "gzip;q=0.5, br", "*"] {
            assert_eq!(set(&[odd]), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(lines: Vec<Vec<u8>>, media: Vec<u8>) {
            accepted(lines.iter().map(Vec::as_slice));
            names(lines.iter().map(Vec::as_slice));
            accepts_any(lines.iter().map(Vec::as_slice));
            is_encodable(Some(&media));
        }
    }
}
