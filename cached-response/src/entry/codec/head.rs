//! A stored response but for its body, as it is written into a frame.

use crate::{
    entry::{
        Client, StoredResponse, Windows,
        codec::{
            reader::{Bounds, Reader},
            vary::{self, SELECTORS, header_name},
            writer::Writer,
        },
        head_style::Style,
    },
    http::content_coding::Codings,
    key::vary::{Selector, Variant},
};
use actix_web::http::{
    StatusCode,
    header::{self, HeaderName, HeaderValue},
};

type Header = (HeaderName, HeaderValue);

const HEADERS: Bounds = Bounds {
    most: 512,
    least: 8,
};
const REASON: Bounds = Bounds { most: 1, least: 4 };
const CLIENT: Bounds = Bounds { most: 1, least: 13 };
const VARIANT: Bounds = Bounds { most: 1, least: 8 };

// These take far more room than their bytes, and so there are not many of them.
const _: () = assert!(
    size_of::<StoredResponse>()
        + HEADERS.most * size_of::<Header>()
        + SELECTORS.most * size_of::<Selector>()
        <= 60 << 10
);

pub(crate) fn write(stored: &StoredResponse, to: &mut Writer) -> Option<()> {
    let status = possible(stored.status)?;
    to.plain(&status.as_u16().to_be_bytes());
    to.list(
        REASON.most,
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
    to.list(CLIENT.most, stored.client.as_slice(), |to, client| {
        to.duration(client.keep);
        to.flag(client.private);
        Some(())
    })?;
    to.list(VARIANT.most, stored.variant.as_slice(), |to, variant| {
        vary::write(&variant.names, to)?;
        to.bytes(&variant.values)
    })?;
    to.list(HEADERS.most, &stored.headers, |to, (name, value)| {
        to.bytes(name.as_str().as_bytes())?;
        to.bytes(value.as_bytes())
    })
}

/// Reads what [`write`] has written, in its order.
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

/// The status, if a stored response can have it.
fn possible(status: StatusCode) -> Option<StatusCode> {
    (200..600).contains(&status.as_u16()).then_some(status)
}

fn client(from: &mut Reader<'_>) -> Option<Client> {
    let keep = from.duration()?;
    let private = from.flag()?;
    Some(Client { keep, private })
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
