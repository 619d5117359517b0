//! Metadata of a stored response in its frame.

use crate::{
    entry::codec::io::{Bounds, Reader, Writer},
    invalidation::nonce::Nonce,
};
use std::{sync::Arc, time::Duration};

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

pub(crate) fn write(metadata: &Metadata, to: &mut Writer) -> Option<()> {
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

/// Reads what [`write`] writes, in its order.
pub(crate) fn read(from: &mut Reader<'_>) -> Option<Metadata> {
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
