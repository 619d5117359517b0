//! Selectors of a variant in a frame.

use crate::{
    entry::codec::io::{Bounds, Reader, Writer},
    key::vary::Selector,
};
use actix_web::http::header::HeaderName;

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

pub(crate) fn write(names: &[Selector], to: &mut Writer) -> Option<()> {
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

pub(crate) fn read(from: &mut Reader<'_>) -> Option<Vec<Selector>> {
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
