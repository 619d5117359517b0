//! Head of a stored response in its frame: everything but the body and the metadata.

use crate::{
    entry::{
        ClientCaching, StoredResponse, Windows,
        codec::{
            Decoded, decode,
            header::{FrameHeader, FrameKind, SIZE},
            io::{Bounds, Reader, Writer},
            metadata::Metadata,
            vary::{self, SELECTORS, header_name},
        },
        head_style::Style,
    },
    http::content_coding::Codings,
    key::vary::{Selector, Variant},
};
use actix_web::{
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    web::Bytes,
};
use std::sync::Arc;

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
            vary::write(&variant.names, to)?;
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
    let names = vary::read(from)?;
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
            && frame.get(SIZE..header.head_end) == Some(&*self.bytes);
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
