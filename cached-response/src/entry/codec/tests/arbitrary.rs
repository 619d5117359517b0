//! Responses of every kind that can be written.

use super::*;
use proptest::{collection::vec, option, prelude::*};

type Header = (HeaderName, HeaderValue);

pub(super) fn responses() -> impl Strategy<Value = (StoredResponse, Metadata)> {
    let parts = (
        heads(),
        styles(),
        lives(),
        vec(any::<u8>(), 0..300),
        variants(),
    );
    let stored = parts.prop_map(
        |((status, headers), (style, codings), lived, body, variant)| {
            let first = |name| {
                let mut named = headers.iter().filter(|(known, _)| *known == name);
                named.next().map(|(_, value)| value.clone())
            };
            StoredResponse {
                status,
                style,
                codings,
                etag: first(header::ETAG),
                last_modified: first(header::LAST_MODIFIED),
                headers: headers.into(),
                body: body.into(),
                variant,
                ..lived
            }
        },
    );
    (stored, abouts())
}

pub(super) fn lists() -> impl Strategy<Value = NameList> {
    (nonces(), vec(selectors(), 0..9)).prop_map(|(id, names)| NameList { id, names })
}

fn heads() -> impl Strategy<Value = (StatusCode, Vec<Header>)> {
    let status = (200u16..600).prop_map(|status| StatusCode::from_u16(status).unwrap());
    let name = prop_oneof![
        3 => header_names(),
        1 => Just(header::ETAG),
        1 => Just(header::LAST_MODIFIED),
    ];
    let value = vec(prop_oneof![Just(b'\t'), b' '..=b'~', 0x80..=0xff_u8], 0..40)
        .prop_map(|value| HeaderValue::from_bytes(&value).unwrap());
    (status, vec((name, value), 0..12))
}

fn styles() -> impl Strategy<Value = (Style, Codings)> {
    let style = (option::of("[ -~]{1,128}"), any::<bool>()).prop_map(|(reason, camel_case)| {
        Style::read(reason.as_deref().map(str::as_bytes), camel_case).unwrap()
    });
    let codings = (0..4_u8).prop_map(|bits| Codings::from_bits(bits).unwrap());
    (style, codings)
}

fn header_names() -> impl Strategy<Value = HeaderName> {
    "[a-z0-9!#$%&'*+.^_`|~-]{1,70}".prop_map(|name| name.parse().unwrap())
}

fn lives() -> impl Strategy<Value = StoredResponse> {
    let client =
        (durations(), any::<bool>()).prop_map(|(keep, private)| ClientCaching { keep, private });
    let times = [(); 5].map(|()| durations());
    let flags = any::<[bool; 3]>();
    (times, flags, option::of(client)).prop_map(|(times, flags, client)| {
        let [lifetime, initial_age, run_time, revalidate, error] = times;
        let [never_stale, shareable_with_authorization, generated_etag] = flags;
        StoredResponse {
            lifetime,
            initial_age,
            run_time,
            windows: Windows { revalidate, error },
            never_stale,
            shareable_with_authorization,
            generated_etag,
            client,
            ..StoredResponse::default()
        }
    })
}

fn variants() -> impl Strategy<Value = Option<Variant>> {
    let variant = (vec(selectors(), 0..5), vec(any::<u8>(), 0..30));
    option::of(variant.prop_map(|(names, values)| Variant {
        names,
        values: values.into(),
    }))
}

fn selectors() -> impl Strategy<Value = Selector> {
    prop_oneof![
        header_names().prop_map(Selector::Header),
        header_names().prop_map(Selector::Lines),
        any::<String>().prop_map(|name| Selector::Cookie(name.into())),
        Just(Selector::Host),
        Just(Selector::PeerIp),
    ]
}

fn abouts() -> impl Strategy<Value = Metadata> {
    let named = (any::<String>(), nonces()).prop_map(|(tag, nonce)| (tag.into(), nonce));
    let lists = (vec(nonces(), 0..6), vec(named, 0..6));
    (durations(), durations(), lists).prop_map(|(keep, refresh_after, (nonces, named))| Metadata {
        keep,
        refresh_after,
        nonces: nonces.into(),
        named,
    })
}

fn nonces() -> impl Strategy<Value = Nonce> {
    any::<[u8; Nonce::LENGTH]>().prop_map(|bytes| Nonce::from_slice(&bytes).unwrap())
}

fn durations() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::MAX),
        (any::<u64>(), 0..1_000_000_000_u32).prop_map(|(secs, nanos)| Duration::new(secs, nanos)),
    ]
}
