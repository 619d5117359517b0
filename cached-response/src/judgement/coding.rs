//! Content codings that a middleware outside may have put on an earlier answer.
//!
//! actix's `Compress` codes whole answers and no parts, and leaves their entity tag as it is. So a
//! client that has the first half of a coded answer holds the tag of what is stored, and the other
//! half of what is stored would make a broken file of it.

use super::field;
use actix_web::mime::{self, Mime};

/// Whether `Accept-Encoding` allows any coding at all.
///
/// What cannot be understood allows one: it may be understood elsewhere.
pub(crate) fn accepts_any<'a>(accept_encoding: impl Iterator<Item = &'a [u8]>) -> bool {
    field::tokens(accept_encoding).any(|member| {
        let mut words = member.split(|byte| *byte == b';');
        let coding = words.next().unwrap_or_default().trim_ascii();
        !coding.eq_ignore_ascii_case(b"identity") && !words.any(is_zero_weight)
    })
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

    proptest! {
        #[test]
        fn no_bytes_panic(lines: Vec<Vec<u8>>, media: Vec<u8>) {
            accepts_any(lines.iter().map(Vec::as_slice));
            is_codable(Some(&media));
        }
    }
}
