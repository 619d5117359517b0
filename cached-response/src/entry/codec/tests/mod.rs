mod altered;
mod arbitrary;
mod refused;
mod round_trip;
mod snapshots;

use super::{Decoded, Head, Metadata, NameList, names, read, read_head, response};
use crate::{
    entry::{
        ClientCaching, StoredResponse, Windows,
        codec::fuzz::{KEY, trial},
        head_style::Style,
    },
    http::content_coding::Codings,
    invalidation::nonce::Nonce,
    key::vary::{Selector, Variant},
};
use actix_web::{
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    web::Bytes,
};
use std::{sync::Arc, time::Duration};

/// The response that `frame` holds, and what travels with it.
fn read_response(frame: &Bytes) -> (StoredResponse, Metadata) {
    match read(KEY, frame) {
        Some(Decoded::Response(stored, about)) => (*stored, about),
        other => panic!("no response: {other:?}"),
    }
}

/// Whether two are the same in all that is written of them.
#[track_caller]
fn assert_same(one: &StoredResponse, other: &StoredResponse) {
    let said = |stored: &StoredResponse| {
        (
            (stored.status, stored.style.clone(), stored.codings),
            stored.headers.clone(),
            stored.body.clone(),
            (stored.etag.clone(), stored.last_modified.clone()),
            (stored.lifetime, stored.initial_age, stored.run_time),
            stored.windows,
            (
                stored.never_stale,
                stored.generated_etag,
                stored.shareable_with_authorization,
            ),
            stored.client,
            stored.variant.clone(),
        )
    };
    assert_eq!(said(one), said(other));
}

/// One with something of everything.
fn full() -> (StoredResponse, Metadata) {
    let stored = StoredResponse {
        status: StatusCode::NOT_FOUND,
        style: Style::read(Some(b"Nowhere To Be Found"), true).unwrap(),
        codings: Codings::GZIP,
        headers: fields(),
        body: Bytes::from_static(b"<p>\0\xff</p>"),
        etag: Some(HeaderValue::from_static("\"v1\"")),
        generated_etag: true,
        last_modified: Some(HeaderValue::from_static("Mon, 23 Nov 2026 00:00:00 GMT")),
        lifetime: Duration::from_secs(300),
        initial_age: Duration::from_millis(1500),
        run_time: Duration::from_micros(20_400),
        never_stale: true,
        windows: Windows {
            revalidate: Duration::from_secs(30),
            error: Duration::MAX,
        },
        variant: Some(Variant {
            names: every_selector(),
            values: Box::from(*b"en\0\xfe"),
        }),
        shareable_with_authorization: true,
        client: Some(ClientCaching {
            keep: Duration::from_secs(60),
            private: true,
        }),
        ..StoredResponse::default()
    };
    let about = Metadata {
        keep: Duration::new(900, 1),
        refresh_after: Duration::new(270, 999_999_999),
        nonces: [nonce(1), nonce(2), nonce(1)].into(),
        named: vec![("products".into(), nonce(3)), ("größe:1".into(), nonce(4))],
    };
    (stored, about)
}

fn fields() -> Arc<[(HeaderName, HeaderValue)]> {
    let fields = [
        ("content-type", "text/html; charset=utf-8"),
        ("x-repeated", "first"),
        ("etag", "\"v1\""),
        ("x-repeated", "second"),
        ("last-modified", "Mon, 23 Nov 2026 00:00:00 GMT"),
        ("x-empty", ""),
    ];
    let field = |(name, value)| {
        let name = HeaderName::from_static(name);
        (name, HeaderValue::from_static(value))
    };
    fields.map(field).into()
}

fn every_selector() -> Vec<Selector> {
    vec![
        Selector::Header(header::ACCEPT_LANGUAGE),
        Selector::Lines(HeaderName::from_static("x-shop")),
        Selector::Cookie("theme".into()),
        Selector::Host,
        Selector::PeerIp,
    ]
}

fn list(names: Vec<Selector>) -> NameList {
    NameList {
        id: nonce(9),
        names,
    }
}

fn nonce(byte: u8) -> Nonce {
    Nonce::from_slice(&[byte; Nonce::LENGTH]).unwrap()
}

fn meter(read: &mut dyn FnMut()) -> u64 {
    allocation_counter::measure(read).bytes_total
}
