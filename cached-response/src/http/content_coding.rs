//! Content codings that a middleware outside may have put on an earlier answer.
//!
//! actix's `Compress` codes whole answers and no parts, and leaves their entity tag as it is. So a
//! client that has the first half of a coded answer holds the tag of what is stored, and the other
//! half of what is stored would make a broken file of it.

use crate::{entry::codings::Codings, http::fields};
use actix_web::mime::{self, Mime};

/// Whether `Accept-Encoding` allows any coding at all.
///
/// What cannot be understood allows one: it may be understood elsewhere.
pub(crate) fn accepts_any<'a>(accept_encoding: impl Iterator<Item = &'a [u8]>) -> bool {
    fields::tokens(accept_encoding).any(|member| {
        let mut words = member.split(|byte| *byte == b';');
        let coding = words.next().unwrap_or_default().trim_ascii();
        !coding.eq_ignore_ascii_case(b"identity") && !words.any(is_zero_weight)
    })
}

/// The codings that `Accept-Encoding` takes for sure.
///
/// A `*` names none, and whoever names `identity` itself may prefer it: both are content with a
/// response that is not coded.
pub(crate) fn taken<'a>(accept_encoding: impl Iterator<Item = &'a [u8]>) -> Codings {
    let mut taken = Codings::NONE;
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
            taken = taken.and(coding);
        }
    }
    taken
}

/// The names in `Accept-Encoding`, sorted, where it has nothing but plain names: then their order and
/// their lines say nothing. `None` where a name has a weight, or is written in an unusual way.
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

/// Whether actix's `Compress` codes this media type: all but images that are no SVG, and videos.
pub(crate) fn is_codable(content_type: Option<&[u8]>) -> bool {
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
    fn identity_and_what_is_refused_are_no_coding() {
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
    fn all_but_pictures_and_films_may_be_coded() {
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
            assert!(is_codable(Some(media.as_bytes())), "{media}");
        }
        assert!(is_codable(None));
        assert!(is_codable(Some(b"image/\xff")));
        for media in [
            "image/png",
            "IMAGE/PNG",
            "video/mp4; codecs=\"avc1.42E01E\"",
        ] {
            assert!(!is_codable(Some(media.as_bytes())), "{media}");
        }
    }

    #[test]
    fn the_codings_of_browsers_are_told_apart_from_those_of_tools() {
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
        for (lines, taken) in fields {
            let lines = lines.iter().map(|line| line.as_bytes());
            assert_eq!(super::taken(lines), taken);
        }
        assert!(Codings::ALL.covers(gzip) && gzip.covers(none) && !gzip.covers(br));
    }

    #[test]
    fn plain_names_are_a_set_and_what_has_weights_is_not() {
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
            taken(lines.iter().map(Vec::as_slice));
            names(lines.iter().map(Vec::as_slice));
            accepts_any(lines.iter().map(Vec::as_slice));
            is_codable(Some(&media));
        }
    }
}
