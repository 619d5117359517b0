//! Head and metadata of a stored response in its frame, and the selectors of a variant: everything but the
//! body.

use crate::{
    entry::{
        ClientCaching, StoredResponse, Windows,
        codec::{
            Decoded, decode,
            io::{Bounds, FrameHeader, FrameKind, HEADER_SIZE, Reader, Writer},
        },
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

type Header = (HeaderName, HeaderValue);

const HEADERS: Bounds = Bounds {
    max_items: 512,
    min_item_bytes: 8,
};
const REASON: Bounds = Bounds {
    max_items: 1,
    min_item_bytes: 4,
};
const CLIENT: Bounds = Bounds {
    max_items: 1,
    min_item_bytes: 13,
};
const VARIANT: Bounds = Bounds {
    max_items: 1,
    min_item_bytes: 8,
};

// In memory these are far larger than their bytes, so their number is bounded.
const _: () = assert!(
    size_of::<StoredResponse>()
        + HEADERS.max_items * size_of::<Header>()
        + SELECTORS.max_items * size_of::<Selector>()
        <= 60 << 10
);

pub(crate) fn write(stored: &StoredResponse, to: &mut Writer) -> Option<()> {
    let status = possible(stored.status)?;
    to.plain(&status.as_u16().to_be_bytes());
    to.list(
        REASON.max_items,
        stored.style.reason().as_slice(),
        |to, reason| to.bytes(reason.as_bytes()),
    )?;
    to.flag(stored.style.camel_case());
    to.plain(&[stored.codings.bits()]);
    to.duration(stored.lifetime);
    to.duration(stored.initial_age);
    to.duration(stored.run_time);
    to.duration(stored.windows.revalidate);
    to.duration(stored.windows.error);
    to.flag(stored.never_stale);
    to.flag(stored.shareable_with_authorization);
    to.flag(stored.generated_etag);
    to.list(CLIENT.max_items, stored.client.as_slice(), |to, client| {
        to.duration(client.keep);
        to.flag(client.private);
        Some(())
    })?;
    to.list(
        VARIANT.max_items,
        stored.variant.as_slice(),
        |to, variant| {
            write_names(&variant.names, to)?;
            to.bytes(&variant.values)
        },
    )?;
    to.list(HEADERS.max_items, &stored.headers, |to, (name, value)| {
        to.bytes(name.as_str().as_bytes())?;
        to.bytes(value.as_bytes())
    })
}

/// Reads what [`write`] writes, in its order.
pub(crate) fn read(from: &mut Reader<'_>) -> Option<StoredResponse> {
    let status = StatusCode::from_u16(u16::from_be_bytes(from.array()?)).ok()?;
    let status = possible(status)?;
    let reason = from
        .list(REASON, |from| from.bytes().map(<[u8]>::to_vec))?
        .pop();
    let style = Style::read(reason.as_deref(), from.flag()?)?;
    let [codings] = from.array()?;
    let codings = Codings::from_bits(codings)?;
    let lifetime = from.duration()?;
    let initial_age = from.duration()?;
    let run_time = from.duration()?;
    let revalidate = from.duration()?;
    let error = from.duration()?;
    let never_stale = from.flag()?;
    let shareable_with_authorization = from.flag()?;
    let generated_etag = from.flag()?;
    let client = from.list(CLIENT, client)?.pop();
    let variant = from.list(VARIANT, variant)?.pop();
    let headers = from.list(HEADERS, header)?;
    Some(StoredResponse {
        status,
        style,
        etag: first(&headers, &header::ETAG),
        generated_etag,
        last_modified: first(&headers, &header::LAST_MODIFIED),
        headers: headers.into(),
        lifetime,
        initial_age,
        run_time,
        never_stale,
        windows: Windows { revalidate, error },
        variant,
        shareable_with_authorization,
        client,
        codings,
        ..StoredResponse::default()
    })
}

/// Returns the status, if a stored response can have it.
fn possible(status: StatusCode) -> Option<StatusCode> {
    (200..600).contains(&status.as_u16()).then_some(status)
}

fn client(from: &mut Reader<'_>) -> Option<ClientCaching> {
    let keep = from.duration()?;
    let private = from.flag()?;
    Some(ClientCaching { keep, private })
}

fn variant(from: &mut Reader<'_>) -> Option<Variant> {
    let names = read_names(from)?;
    let values = from.bytes()?.into();
    Some(Variant { names, values })
}

fn header(from: &mut Reader<'_>) -> Option<Header> {
    let name = header_name(from.bytes()?)?;
    let value = HeaderValue::from_maybe_shared(from.shared()?).ok()?;
    Some((name, value))
}

fn first(headers: &[Header], name: &HeaderName) -> Option<HeaderValue> {
    let mut named = headers.iter().filter(|(known, _)| known == name);
    named.next().map(|(_, value)| value.clone())
}

/// A parsed head with its bytes: the same bytes need not be parsed again.
#[derive(Debug)]
pub(crate) struct KnownHead {
    bytes: Bytes,
    stored: StoredResponse,
    metadata: Metadata,
}

/// Longest head, with the header, that is kept, in bytes.
const MAX_KNOWN_HEAD: usize = 2 << 10;

impl KnownHead {
    /// Parses the head of a response's frame; `None` where it is too long to be kept.
    pub(crate) fn of(full_key: &[u8], frame: &Bytes) -> Option<Self> {
        let header = FrameHeader::read(frame)?;
        if header.kind != FrameKind::Response || header.head_end > MAX_KNOWN_HEAD {
            return None;
        }
        // A copy, which does not keep the body.
        let frame = Bytes::copy_from_slice(frame.get(..header.head_end)?);
        let Decoded::Response(stored, metadata) = decode(full_key, &header, &frame)? else {
            return None;
        };
        Some(Self {
            bytes: header.head(&frame)?,
            stored: *stored,
            metadata,
        })
    }

    /// Returns true if `stored` was read from this head.
    pub(crate) fn is_of(&self, stored: &StoredResponse) -> bool {
        Arc::ptr_eq(&self.stored.headers, &stored.headers)
    }

    /// Decodes a frame that has the same head.
    pub(crate) fn read(&self, frame: &Bytes) -> Option<Decoded> {
        let header = FrameHeader::read(frame)?;
        let is_same = header.kind == FrameKind::Response
            && frame.len() == header.end
            && frame.get(HEADER_SIZE..header.head_end) == Some(&*self.bytes);
        if !is_same {
            return None;
        }
        let stored = StoredResponse {
            body: header.body(frame)?,
            ..self.stored.for_other_process()
        };
        Some(Decoded::Response(Box::new(stored), self.metadata.clone()))
    }
}

/// Memory has lists of 32.
pub(crate) const SELECTORS: Bounds = Bounds {
    max_items: 256,
    min_item_bytes: 5,
};

const HEADER: u8 = 1;
const LINES: u8 = 2;
const COOKIE: u8 = 3;
const HOST: u8 = 4;
const PEER_IP: u8 = 5;

pub(crate) fn write_names(names: &[Selector], to: &mut Writer) -> Option<()> {
    to.list(SELECTORS.max_items, names, |to, name| {
        let (kind, name): (u8, &[u8]) = match name {
            Selector::Header(name) => (HEADER, name.as_str().as_bytes()),
            Selector::Lines(name) => (LINES, name.as_str().as_bytes()),
            Selector::Cookie(name) => (COOKIE, name.as_bytes()),
            Selector::Host => (HOST, &[]),
            Selector::PeerIp => (PEER_IP, &[]),
            // A type and a function exist in this process only.
            Selector::Extension(_) => return None,
        };
        to.plain(&[kind]);
        to.bytes(name)
    })
}

pub(crate) fn read_names(from: &mut Reader<'_>) -> Option<Vec<Selector>> {
    from.list(SELECTORS, |from| {
        let [kind] = from.array()?;
        let name = from.bytes()?;
        Some(match kind {
            HEADER => Selector::Header(header_name(name)?),
            LINES => Selector::Lines(header_name(name)?),
            COOKIE => Selector::Cookie(str::from_utf8(name).ok()?.into()),
            HOST if name.is_empty() => Selector::Host,
            PEER_IP if name.is_empty() => Selector::PeerIp,
            _ => return None,
        })
    })
}

/// Parses a name in lower case only: in another case it would be another name.
pub(crate) fn header_name(name: &[u8]) -> Option<HeaderName> {
    HeaderName::from_lowercase(name).ok()
}

/// Metadata that is stored with a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Metadata {
    /// Retention in the store, from the creation of the response: less the remaining time to live, it
    /// is the age.
    pub(crate) keep: Duration,
    /// Time from creation during which the response is reused without a refresh.
    pub(crate) refresh_after: Duration,
    /// Nonces of all, path, URL and the route's tags, in an order that writer and reader know.
    pub(crate) nonces: Arc<[Nonce]>,
    /// Tags that the handler named.
    pub(crate) named: Vec<(Box<str>, Nonce)>,
}

const NONCES: Bounds = Bounds {
    max_items: usize::MAX,
    min_item_bytes: Nonce::LENGTH,
};
const TAGS: Bounds = Bounds {
    max_items: usize::MAX,
    min_item_bytes: Nonce::LENGTH + 4,
};

// An item takes at most twice the memory of its bytes, so that a false length allocates no more.
const _: () = assert!(size_of::<Nonce>() <= 2 * NONCES.min_item_bytes);
const _: () = assert!(size_of::<(Box<str>, Nonce)>() <= 2 * TAGS.min_item_bytes);

pub(crate) fn write_metadata(metadata: &Metadata, to: &mut Writer) -> Option<()> {
    to.duration(metadata.keep);
    to.duration(metadata.refresh_after);
    to.list(NONCES.max_items, &metadata.nonces, |to, nonce| {
        to.plain(nonce.as_bytes());
        Some(())
    })?;
    to.list(TAGS.max_items, &metadata.named, |to, (tag, nonce)| {
        to.plain(nonce.as_bytes());
        to.bytes(tag.as_bytes())
    })
}

/// Reads what [`write_metadata`] writes, in its order.
pub(crate) fn read_metadata(from: &mut Reader<'_>) -> Option<Metadata> {
    let keep = from.duration()?;
    let refresh_after = from.duration()?;
    let nonces = from.list(NONCES, nonce)?;
    let named = from.list(TAGS, |from| {
        let nonce = nonce(from)?;
        let tag = str::from_utf8(from.bytes()?).ok()?;
        Some((tag.into(), nonce))
    })?;
    Some(Metadata {
        keep,
        refresh_after,
        nonces: nonces.into(),
        named,
    })
}

pub(crate) fn nonce(from: &mut Reader<'_>) -> Option<Nonce> {
    Nonce::from_slice(from.plain(Nonce::LENGTH)?)
}
