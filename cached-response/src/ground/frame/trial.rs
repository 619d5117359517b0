//! What is promised of a reader, whatever it reads: for tests and the fuzzer.

use super::{
    Framed, Head,
    envelope::{self, Kind},
    names, read, read_head, response,
};
use actix_web::web::Bytes;

/// The full key of all that a trial reads.
pub(super) const KEY: &[u8] = b"shop\x00\x01GET /products?page=2";

/// Calls what it is given, and tells how many bytes that has allocated.
pub(crate) type Meter = fn(&mut dyn FnMut()) -> u64;

/// Reads these bytes, as they are and under checksums that they keep, and panics where a promise is
/// broken.
pub(crate) fn trial(bytes: &[u8], meter: Meter) {
    let plain = Some(Bytes::copy_from_slice(bytes));
    for frame in [plain, mended(bytes)].into_iter().flatten() {
        reads_what_is_written(&frame, meter);
        for cut in [bytes.len() / 7, bytes.len() / 2, bytes.len()] {
            reads_the_beginning(&frame, cut, meter);
        }
    }
}

/// What is read is the same when it is written again: no frame is taken for another.
fn reads_what_is_written(frame: &Bytes, meter: Meter) {
    let framed = frugally(frame, meter, || read(KEY, frame));
    let again = match &framed {
        None => return,
        Some(Framed::Response(stored, about)) => response(KEY, stored, about),
        Some(Framed::Names(list)) => names(KEY, list),
    };
    assert_eq!(again.as_ref(), Some(frame));
}

fn reads_the_beginning(frame: &Bytes, cut: usize, meter: Meter) {
    let prefix = frame.slice(..cut);
    let whole = read(KEY, frame);
    match frugally(&prefix, meter, || read_head(KEY, &prefix)) {
        None => assert!(whole.is_none(), "a frame without a head"),
        Some(Head::Short { needed }) => assert!(needed > cut, "{needed} bytes were there"),
        Some(Head::Whole {
            frame: end, body, ..
        }) => {
            assert!(
                cut <= end && end - body <= cut,
                "a head of what is not there"
            );
            assert!(whole.is_none() || end == frame.len());
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
    let (claims, parts) = bytes.split_first_chunk::<{ envelope::SIZE }>()?;
    let kind = match claims[5] {
        2 => Kind::Names,
        _ => Kind::Response,
    };
    let head = u32::from_be_bytes(*claims[6..].first_chunk()?) as usize;
    let mut mended = bytes.to_vec();
    envelope::seal(kind, head.min(parts.len()), &mut mended)?;
    Some(mended.into())
}
