//! What travels with a response beside itself, as it is written into a frame.

use crate::{
    entry::codec::{
        About,
        reader::{Bounds, Reader},
        writer::Writer,
    },
    invalidation::nonce::Nonce,
};

const NONCES: Bounds = Bounds {
    most: usize::MAX,
    least: Nonce::LENGTH,
};
const TAGS: Bounds = Bounds {
    most: usize::MAX,
    least: Nonce::LENGTH + 4,
};

// Neither takes more than twice the room that its bytes have: a claim allocates no more.
const _: () = assert!(size_of::<Nonce>() <= 2 * NONCES.least);
const _: () = assert!(size_of::<(Box<str>, Nonce)>() <= 2 * TAGS.least);

pub(crate) fn write(about: &About, to: &mut Writer) -> Option<()> {
    to.duration(about.keep);
    to.duration(about.refresh_after);
    to.list(NONCES.most, &about.nonces, |to, nonce| {
        to.plain(nonce.as_bytes());
        Some(())
    })?;
    to.list(TAGS.most, &about.named, |to, (tag, nonce)| {
        to.plain(nonce.as_bytes());
        to.bytes(tag.as_bytes())
    })
}

/// Reads what [`write`] has written, in its order.
pub(crate) fn read(from: &mut Reader<'_>) -> Option<About> {
    let keep = from.duration()?;
    let refresh_after = from.duration()?;
    let nonces = from.list(NONCES, nonce)?;
    let named = from.list(TAGS, |from| {
        let nonce = nonce(from)?;
        let tag = str::from_utf8(from.bytes()?).ok()?;
        Some((tag.into(), nonce))
    })?;
    Some(About {
        keep,
        refresh_after,
        nonces: nonces.into(),
        named,
    })
}

pub(crate) fn nonce(from: &mut Reader<'_>) -> Option<Nonce> {
    Nonce::from_slice(from.plain(Nonce::LENGTH)?)
}
