//! What is promised of a reader, whatever it reads: for tests and the fuzzer.

use crate::entry::codec::{
    Decoded, Head,
    frame_header::{self, Kind},
    names, read, read_head, response,
};
use actix_web::web::Bytes;

/// The full key of all that a trial reads.
pub(crate) const KEY: &[u8] = b"shop\x00\x01GET /products?page=2";

/// Calls what it is given, and tells how many bytes that has allocated.
pub(crate) type Meter = fn(&mut dyn FnMut()) -> u64;

/// Reads these bytes, as they are and under checksums that they keep, and panics where a promise is
/// broken.
pub(crate) fn trial(bytes: &[u8], meter: Meter) {
    let plain = Some(Bytes::copy_from_slice(bytes));
    for frame in [plain, mended(bytes)].into_iter().flatten() {
        let is_whole = reads_what_is_written(&frame, meter);
        for cut in [bytes.len() / 7, bytes.len() / 2, bytes.len()] {
            reads_the_beginning(&frame.slice(..cut), is_whole, meter);
        }
    }
}

/// What is read is the same when it is written again: no frame is taken for another. Whether it is
/// one at all.
fn reads_what_is_written(frame: &Bytes, meter: Meter) -> bool {
    let framed = frugally(frame, meter, || read(KEY, frame));
    let again = match &framed {
        None => return false,
        Some(Decoded::Response(stored, about)) => response(KEY, stored, about),
        Some(Decoded::Names(list)) => names(KEY, list),
    };
    assert_eq!(again.as_ref(), Some(frame));
    true
}

/// What the beginning tells is of what is there, and all of it where that is the beginning of a
/// frame.
fn reads_the_beginning(prefix: &Bytes, is_whole: bool, meter: Meter) {
    let there = prefix.len();
    match frugally(prefix, meter, || read_head(KEY, prefix)) {
        None => assert!(!is_whole, "a frame without a head"),
        Some(Head::Short { needed }) => assert!(needed > there, "{needed} bytes were there"),
        Some(Head::Whole { body, frame, .. }) => {
            assert!(
                frame - body <= there && there <= frame,
                "a head of no frame"
            );
        }
    }
}

/// No more is allocated than twice what is read, and 64 KiB.
fn frugally<T>(frame: &Bytes, meter: Meter, read: impl Fn() -> T) -> T {
    let mut result = None;
    let spent = meter(&mut || result = Some(read()));
    assert!(
        spent <= 2 * frame.len() as u64 + (64 << 10),
        "{spent} bytes"
    );
    result.expect("a meter calls what it is given")
}

/// The same under checksums that are right: whatever its head claims is read.
fn mended(bytes: &[u8]) -> Option<Bytes> {
    let (claims, parts) = bytes.split_first_chunk::<{ frame_header::SIZE }>()?;
    let kind = match claims[5] {
        2 => Kind::Names,
        _ => Kind::Response,
    };
    let head = u32::from_be_bytes(*claims[6..].first_chunk()?) as usize;
    let mut mended = bytes.to_vec();
    frame_header::seal(kind, head.min(parts.len()), &mut mended)?;
    Some(mended.into())
}
