//! Properties of the reader on any bytes, for tests and the fuzzer.

use crate::entry::codec::{
    Decoded, Head,
    io::{self, FrameKind},
    names, read, read_head, response,
};
use actix_web::web::Bytes;

/// Full key of the frames of a trial.
pub(crate) const KEY: &[u8] = b"shop\x00\x01GET /products?page=2";

/// Calls a function and returns how many bytes it allocated.
pub(crate) type Meter = fn(&mut dyn FnMut()) -> u64;

/// Reads these bytes, as they are and with right checksums.
///
/// # Panics
/// If a property does not hold.
pub(crate) fn trial(bytes: &[u8], meter: Meter) {
    let plain = Some(Bytes::copy_from_slice(bytes));
    for frame in [plain, mended(bytes)].into_iter().flatten() {
        let is_whole = reads_what_is_written(&frame, meter);
        for cut in [bytes.len() / 7, bytes.len() / 2, bytes.len()] {
            reads_the_beginning(&frame.slice(..cut), is_whole, meter);
        }
    }
}

/// Checks that a decoded frame is encoded to the same bytes. Returns true for a frame.
fn reads_what_is_written(frame: &Bytes, meter: Meter) -> bool {
    let decoded = frugally(frame, meter, || read(KEY, frame));
    let again = match &decoded {
        None => return false,
        Some(Decoded::Response(stored, metadata)) => response(KEY, stored, metadata),
        Some(Decoded::Names(list)) => names(KEY, list),
    };
    assert_eq!(again.as_ref(), Some(frame));
    true
}

/// Checks that a prefix is read within its bounds, and as a prefix where it is one.
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

/// Checks that at most twice the length of the frame and 64 KiB are allocated.
fn frugally<T>(frame: &Bytes, meter: Meter, read: impl Fn() -> T) -> T {
    let mut result = None;
    let spent = meter(&mut || result = Some(read()));
    assert!(
        spent <= 2 * frame.len() as u64 + (64 << 10),
        "{spent} bytes"
    );
    result.expect("a meter calls what it is given")
}

/// Returns the bytes with right checksums, so that the head is read.
fn mended(bytes: &[u8]) -> Option<Bytes> {
    let (claims, parts) = bytes.split_first_chunk::<{ io::HEADER_SIZE }>()?;
    let kind = match claims[5] {
        2 => FrameKind::Names,
        _ => FrameKind::Response,
    };
    let head = u32::from_be_bytes(*claims[6..].first_chunk()?) as usize;
    let mut mended = bytes.to_vec();
    io::seal(kind, head.min(parts.len()), &mut mended)?;
    Some(mended.into())
}
