//! What is not written, and what is not read although it is whole.

use super::*;
use crate::{
    entry::codec::io::{self, FrameKind, Writer},
    key::vary::Extension,
};
use std::{any::TypeId, sync::Arc};

fn frame() -> Bytes {
    let (stored, about) = full();
    response(KEY, &stored, &about).unwrap()
}

/// One with nothing that need not be.
fn bare() -> Bytes {
    response(KEY, &StoredResponse::default(), &Metadata::default()).unwrap()
}

/// Where its status stands: behind the key, two times and two empty lists.
const STATUS: usize = io::HEADER_SIZE + 4 + KEY.len() + 2 * 12 + 2 * 4;

/// These parts, the first of them so long, under checksums that are right.
fn sealed(frame: &[u8], head: usize) -> Bytes {
    let kind = match frame[5] {
        1 => FrameKind::Response,
        _ => FrameKind::Names,
    };
    let mut sealed = frame.to_vec();
    io::seal(kind, head, &mut sealed).unwrap();
    sealed.into()
}

#[test]
fn a_selector_of_this_process_is_not_written() {
    let extension = Selector::Extension(Extension {
        type_id: TypeId::of::<u8>(),
        value: |_| None,
    });
    let (mut stored, about) = full();
    stored
        .variant
        .as_mut()
        .unwrap()
        .names
        .push(extension.clone());
    assert_eq!(response(KEY, &stored, &about), None);
    let both = list(vec![Selector::Host, extension]);
    assert_eq!(names(KEY, &both), None);
    assert!(names(KEY, &list(vec![Selector::Host])).is_some());
}

#[test]
fn a_status_that_would_not_be_read_is_not_written() {
    for (status, is_written) in [
        (101, false),
        (199, false),
        (200, true),
        (599, true),
        (600, false),
    ] {
        let stored = StoredResponse {
            status: StatusCode::from_u16(status).unwrap(),
            ..StoredResponse::default()
        };
        let frame = response(KEY, &stored, &Metadata::default());
        assert_eq!(frame.is_some(), is_written, "{status}");
    }
}

#[test]
fn more_fields_than_would_be_read_are_not_written() {
    let with = |most: usize| {
        let stored = StoredResponse {
            headers: vec![(header::VIA, HeaderValue::from_static("")); most].into(),
            ..StoredResponse::default()
        };
        response(KEY, &stored, &Metadata::default())
    };
    assert_eq!(read_response(&with(512).unwrap()).0.headers.len(), 512);
    assert_eq!(with(513), None);
}

#[test]
fn more_names_than_would_be_read_are_not_written() {
    let with = |most: usize| names(KEY, &list(vec![Selector::Host; most]));
    assert!(read(KEY, &with(256).unwrap()).is_some());
    assert_eq!(with(257), None);
}

#[test]
fn a_foreign_key_is_a_miss() {
    for key in [
        &KEY[..KEY.len() - 1],
        b"",
        b"shop\x00\x02GET /products?page=2",
    ] {
        assert!(read(key, &frame()).is_none());
        assert!(read_head(key, &frame()).is_none());
    }
}

// A frame of another version, with checksums that are right.
#[test]
fn another_version_is_a_miss() {
    for version in (0..=u8::MAX).filter(|version| *version != io::VERSION) {
        let mut other = frame().to_vec();
        other[4] = version;
        let head_end = other.len() - full().0.body.len();
        let sum = {
            let mut sum = crc32fast::Hasher::new();
            sum.update(&other[..18]);
            sum.update(&other[22..head_end]);
            sum.finalize()
        };
        other[18..22].copy_from_slice(&sum.to_be_bytes());
        let other = Bytes::from(other);
        assert!(read(KEY, &other).is_none());
        assert!(read_head(KEY, &other).is_none());
        assert!(read_head(KEY, &other.slice(..5)).is_none());
    }
}

#[test]
fn a_frame_longer_than_its_header_states_is_a_miss() {
    let longer: Bytes = [&frame()[..], b"x"].concat().into();
    assert!(read(KEY, &longer).is_none());
    assert!(read_head(KEY, &longer).is_none());
    // The same within the head, where no checksum speaks against it.
    let body = full().0.body.len();
    let head = frame().len() - body - io::HEADER_SIZE;
    let stretched = sealed(&frame(), head + 1);
    assert!(read(KEY, &stretched).is_none());
    assert!(read(KEY, &sealed(&frame(), head)).is_some());
}

#[test]
fn names_have_no_body() {
    let mut frame = Writer::with_capacity(0);
    frame.bytes(KEY).unwrap();
    frame.plain(nonce(1).as_bytes());
    frame.length(0).unwrap();
    let frame = frame.seal(FrameKind::Names, b"body").unwrap();
    assert!(read(KEY, &frame).is_none());
}

#[test]
fn a_response_is_not_read_as_names() {
    let mut other = frame().to_vec();
    other[5] = 2;
    let body = full().0.body.len();
    let head = other.len() - body - io::HEADER_SIZE;
    assert!(read(KEY, &sealed(&other, head)).is_none());
}

// A foreign value under a name of the cache is judged as strictly as the response of a handler.
#[test]
fn fields_that_http_does_not_have_are_a_miss() {
    let plain = |name: &'static str, value: &'static str| {
        let stored = StoredResponse {
            headers: Arc::new([(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )]),
            ..StoredResponse::default()
        };
        response(KEY, &stored, &Metadata::default()).unwrap()
    };
    let with = |from: &[u8], to: &[u8]| {
        let frame = plain("x-name", "value");
        let at = frame.windows(from.len()).position(|part| part == from);
        let at = at.unwrap();
        let mut changed = frame.to_vec();
        changed[at..at + to.len()].copy_from_slice(to);
        let head = changed.len() - io::HEADER_SIZE;
        read(KEY, &sealed(&changed, head))
    };
    assert!(with(b"x-name", b"y-name").is_some());
    assert!(with(b"value", b"v\tlue").is_some());
    assert!(with(b"x-name", b"X-name").is_none());
    assert!(with(b"x-name", b"x name").is_none());
    assert!(with(b"x-name", b"x\nname").is_none());
    assert!(with(b"value", b"v\r\nue").is_none());
    assert!(with(b"value", b"v\0lue").is_none());
}

#[test]
fn a_status_that_is_none_of_a_whole_response_is_a_miss() {
    let frame = bare();
    for (status, is_read) in [
        (200, true),
        (599, true),
        (0, false),
        (199, false),
        (600, false),
    ] {
        let mut changed = frame.to_vec();
        changed[STATUS..STATUS + 2].copy_from_slice(&u16::to_be_bytes(status));
        let head = changed.len() - io::HEADER_SIZE;
        assert_eq!(
            read(KEY, &sealed(&changed, head)).is_some(),
            is_read,
            "{status}"
        );
    }
}

/// Behind the status: no phrase, the case of names, the codings, and then times.
const CODINGS: usize = STATUS + 2 + 4 + 1;
const TIMES: usize = CODINGS + 1;

#[test]
fn unknown_codings_are_a_miss() {
    let frame = bare();
    for bits in 0..=u8::MAX {
        let mut changed = frame.to_vec();
        changed[CODINGS] = bits;
        let read = read(KEY, &sealed(&changed, frame.len() - io::HEADER_SIZE));
        assert_eq!(read.is_some(), bits <= 3, "{bits}");
    }
}

// It would be another field, or another response.
#[test]
fn a_reason_phrase_of_two_lines_is_a_miss() {
    let phrase = b"Fine for now";
    let stored = StoredResponse {
        style: Style::read(Some(phrase), false).unwrap(),
        ..StoredResponse::default()
    };
    let frame = response(KEY, &stored, &Metadata::default()).unwrap();
    assert!(read(KEY, &frame).is_some());
    let at = frame.windows(phrase.len()).position(|part| part == phrase);
    let at = at.unwrap();
    for line in [&b"Fine\r\na: now"[..], b"Fine\nfor now", b"Fine for\0now"] {
        let mut changed = frame.to_vec();
        changed[at..at + line.len()].copy_from_slice(line);
        assert!(read(KEY, &sealed(&changed, frame.len() - io::HEADER_SIZE)).is_none());
    }
}

#[test]
fn a_flag_that_is_neither_is_a_miss() {
    let frame = bare();
    let flags = TIMES + 5 * 12;
    for at in [CODINGS - 1, flags, flags + 1, flags + 2] {
        assert_eq!(frame[at], 0);
        let mut changed = frame.to_vec();
        changed[at] = 2;
        assert!(read(KEY, &sealed(&changed, frame.len() - io::HEADER_SIZE)).is_none());
    }
}

#[test]
fn a_time_of_more_than_a_second_of_nanoseconds_is_a_miss() {
    let mut changed = bare().to_vec();
    let nanos = TIMES + 8;
    for (time, is_read) in [(999_999_999_u32, true), (1_000_000_000, false)] {
        changed[nanos..nanos + 4].copy_from_slice(&time.to_be_bytes());
        let head = changed.len() - io::HEADER_SIZE;
        assert_eq!(
            read(KEY, &sealed(&changed, head)).is_some(),
            is_read,
            "{time}"
        );
    }
}

#[test]
fn a_tag_that_is_no_text_is_a_miss() {
    let about = Metadata {
        named: vec![("a tag".into(), nonce(1))],
        ..Metadata::default()
    };
    let frame = response(KEY, &StoredResponse::default(), &about).unwrap();
    let at = frame.windows(5).position(|part| part == b"a tag").unwrap();
    let mut changed = frame.to_vec();
    changed[at] = 0xff;
    assert!(read(KEY, &sealed(&changed, frame.len() - io::HEADER_SIZE)).is_none());
}

#[test]
fn a_selector_with_an_undeclared_name_is_a_miss() {
    let frame = |kind: u8, name: &[u8]| {
        let mut frame = Writer::with_capacity(0);
        frame.bytes(KEY).unwrap();
        frame.plain(nonce(1).as_bytes());
        frame.length(1).unwrap();
        frame.plain(&[kind]);
        frame.bytes(name).unwrap();
        read(KEY, &frame.seal(FrameKind::Names, &[]).unwrap())
    };
    for kind in [4, 5] {
        assert!(frame(kind, b"").is_some());
        assert!(frame(kind, b"x").is_none());
    }
    assert!(frame(3, b"x").is_some() && frame(3, &[0xff]).is_none());
    assert!(frame(0, b"").is_none() && frame(6, b"").is_none());
}
