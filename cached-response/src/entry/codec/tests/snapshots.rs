//! Frames as each version has written them, and what they hold.
//!
//! After a change of the version the new ones are written by
//!
//! ```sh
//! cargo test -p cached-response --lib -- --ignored the_snapshots_of_this_version
//! ```
//!
//! and adds them here. Those of versions that are read no more stay, and become misses.

use super::*;
use crate::entry::codec::io::VERSION;
use std::{fs, path::Path, sync::Arc};

/// A stored frame, what it was made of, and its file.
struct Snapshot {
    file: &'static str,
    frame: &'static [u8],
    holds: Decoded,
}

fn written(held: &Decoded) -> Bytes {
    match held {
        Decoded::Response(stored, about) => response(KEY, stored, about),
        Decoded::Names(list) => names(KEY, list),
    }
    .unwrap()
}

/// Those of version 3.
fn version_3() -> Vec<Snapshot> {
    let response = |(stored, about)| Decoded::Response(Box::new(stored), about);
    let names = |names| Decoded::Names(list(names));
    let snapshot = |file, frame: &'static [u8], holds| Snapshot { file, frame, holds };
    vec![
        snapshot(
            "v3-full.bin",
            include_bytes!("../snapshots/v3-full.bin"),
            response(full()),
        ),
        snapshot(
            "v3-plain.bin",
            include_bytes!("../snapshots/v3-plain.bin"),
            response(plain()),
        ),
        snapshot(
            "v3-empty.bin",
            include_bytes!("../snapshots/v3-empty.bin"),
            response(Default::default()),
        ),
        snapshot(
            "v3-names.bin",
            include_bytes!("../snapshots/v3-names.bin"),
            names(every_selector()),
        ),
        snapshot(
            "v3-no-names.bin",
            include_bytes!("../snapshots/v3-no-names.bin"),
            names(Vec::new()),
        ),
    ]
}

/// Those of versions that are read no more.
const OLD_VERSIONS: [&[u8]; 10] = [
    include_bytes!("../snapshots/v2-full.bin"),
    include_bytes!("../snapshots/v2-plain.bin"),
    include_bytes!("../snapshots/v2-empty.bin"),
    include_bytes!("../snapshots/v2-names.bin"),
    include_bytes!("../snapshots/v2-no-names.bin"),
    include_bytes!("../snapshots/v1-full.bin"),
    include_bytes!("../snapshots/v1-plain.bin"),
    include_bytes!("../snapshots/v1-empty.bin"),
    include_bytes!("../snapshots/v1-names.bin"),
    include_bytes!("../snapshots/v1-no-names.bin"),
];

/// A page as most are.
fn plain() -> (StoredResponse, Metadata) {
    let etag = HeaderValue::from_static("\"0f\"");
    let media = HeaderValue::from_static("text/plain");
    let stored = StoredResponse {
        headers: Arc::new([
            (header::CONTENT_TYPE, media),
            (
                header::DATE,
                HeaderValue::from_static("Mon, 23 Nov 2026 00:00:00 GMT"),
            ),
            (header::ETAG, etag.clone()),
        ]),
        body: Bytes::from_static(b"Hello, world!"),
        etag: Some(etag),
        generated_etag: true,
        lifetime: Duration::from_secs(300),
        run_time: Duration::from_millis(120),
        ..StoredResponse::default()
    };
    let about = Metadata {
        keep: Duration::from_secs(600),
        refresh_after: Duration::from_secs(300),
        nonces: (1..=4).map(nonce).collect(),
        named: Vec::new(),
    };
    (stored, about)
}

pub(super) fn all() -> impl Iterator<Item = Bytes> {
    version_3()
        .into_iter()
        .map(|snapshot| Bytes::from_static(snapshot.frame))
}

// Bytes of another version are a miss.
#[test]
fn a_frame_of_version_3_is_read() {
    for Snapshot { file, frame, holds } in version_3() {
        let frame = Bytes::from_static(frame);
        match (read(KEY, &frame), holds) {
            (Some(Decoded::Response(read, told)), Decoded::Response(stored, about)) => {
                assert_same(&read, &stored);
                assert_eq!(told, about, "{file}");
            }
            (Some(Decoded::Names(read)), Decoded::Names(list)) => assert_eq!(read, list, "{file}"),
            (other, _) => panic!("{file}: {other:?}"),
        }
    }
}

#[test]
fn a_frame_of_an_old_version_is_a_miss() {
    for frame in OLD_VERSIONS {
        let frame = Bytes::from_static(frame);
        assert!(read(KEY, &frame).is_none());
        assert!(read_head(KEY, &frame).is_none());
    }
}

#[test]
fn one_version_has_one_encoding() {
    assert_eq!(VERSION, 3, "have its snapshots written, and compared here");
    for Snapshot { file, frame, holds } in version_3() {
        assert_eq!(written(&holds), frame, "{file}");
    }
}

#[test]
#[ignore = "writes the snapshots of a new version"]
fn the_snapshots_of_this_version() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/entry/codec/snapshots");
    for Snapshot { file, holds, .. } in version_3() {
        let (_, name) = file.split_once('-').unwrap();
        let file = folder.join(format!("v{VERSION}-{name}"));
        fs::write(file, written(&holds)).unwrap();
    }
}
