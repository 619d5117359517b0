//! How a stored response, or a list of names, is written as bytes for a remote store.
//!
//! Whatever lies in a store may have been cut, altered or put there by somebody else: a reader
//! believes nothing, and what it doubts is no response. All numbers begin with their highest byte.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | `C4 'c' 'r' 'f'` |
//! | 1 | the version of the format |
//! | 1 | the kind: 1 for a response, 2 for names |
//! | 4 | the length of the head |
//! | 4 | the length of the body |
//! | 4 | the CRC-32 of the body |
//! | 4 | the CRC-32 of all that is above, and of the head |
//! | .. | the head: the full key, and what [`about`] and [`head`] write, or the id of a list and what [`selectors`] writes |
//! | .. | the body, last: it is not copied when it is read |
//!
//! A checksum finds what has gone wrong, and not who means harm: whoever may write to the store may
//! answer as they like.

pub(crate) mod frame_header;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub(crate) mod head;
pub(crate) mod known_head;
pub(crate) mod metadata;
pub(crate) mod reader;
pub(crate) mod vary;
pub(crate) mod writer;

#[cfg(test)]
mod tests;

use self::{
    frame_header::{FrameHeader, Kind},
    reader::Reader,
    writer::Writer,
};
use crate::{entry::StoredResponse, invalidation::nonce::Nonce, key::vary::Selector};
use actix_web::web::Bytes;
use std::{sync::Arc, time::Duration};

/// What travels with a response beside itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct About {
    /// How long the store was to keep it, from its birth: less what is left, it is how old it is.
    pub(crate) keep: Duration,
    /// How long from its birth it is only reused.
    pub(crate) refresh_after: Duration,
    /// Of what could be invalidated of it, in an order that its writer and its reader know.
    pub(crate) nonces: Arc<[Nonce]>,
    /// The tags that its handler has named.
    pub(crate) named: Vec<(Box<str>, Nonce)>,
}

/// The names that select a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameList {
    /// A part of every variant's key: a list that goes takes all its variants with it.
    pub(crate) id: Nonce,
    pub(crate) names: Vec<Selector>,
}

/// What a frame holds.
///
/// What of a response is of the process that has made it was not written, and is as in a new one:
/// when it was born, its run, what it has seen of generations. Its validators are those that its
/// headers name.
#[derive(Debug)]
pub(crate) enum Decoded {
    Response(Box<StoredResponse>, About),
    Names(NameList),
}

/// What the beginning of a frame tells.
#[cfg_attr(
    not(any(test, fuzzing)),
    expect(dead_code, reason = "the lengths are what tests ask for")
)]
#[derive(Debug)]
pub(crate) enum Head {
    /// The head does not end before so many bytes. That is claimed and not proven: it may be more
    /// than the store has, or than anybody should read.
    Short { needed: usize },
    /// The body of a response is left empty.
    Whole {
        framed: Decoded,
        body: usize,
        frame: usize,
    },
}

/// Writes a response. `None` where that cannot be: it is too long, or depends on what only this
/// process knows.
pub(crate) fn response(full_key: &[u8], stored: &StoredResponse, about: &About) -> Option<Bytes> {
    let mut frame = Writer::with_room(full_key.len() + stored.weight() + 512);
    frame.bytes(full_key)?;
    metadata::write(about, &mut frame)?;
    head::write(stored, &mut frame)?;
    frame.seal(Kind::Response, &stored.body)
}

/// Writes a list of names. `None` where one of them is known to this process only.
pub(crate) fn names(full_key: &[u8], list: &NameList) -> Option<Bytes> {
    let mut frame = Writer::with_room(full_key.len() + 512);
    frame.bytes(full_key)?;
    frame.plain(list.id.as_bytes());
    vary::write(&list.names, &mut frame)?;
    frame.seal(Kind::Names, &[])
}

/// Reads what was written under this full key. `None` for whatever else it may be.
pub(crate) fn read(full_key: &[u8], frame: &Bytes) -> Option<Decoded> {
    let envelope = FrameHeader::read(frame)?;
    if frame.len() != envelope.end {
        return None;
    }
    let mut framed = framed(full_key, &envelope, frame)?;
    let body = envelope.body(frame)?;
    if let Decoded::Response(stored, _) = &mut framed {
        stored.body = body;
    }
    Some(framed)
}

/// Reads the head of what was written under this full key, of which `prefix` is the beginning or
/// all. `None` for whatever else it may be.
pub(crate) fn read_head(full_key: &[u8], prefix: &Bytes) -> Option<Head> {
    if prefix.len() < frame_header::SIZE {
        let needed = frame_header::SIZE;
        return frame_header::begins(prefix).then_some(Head::Short { needed });
    }
    let envelope = FrameHeader::read(prefix)?;
    if prefix.len() > envelope.end {
        return None;
    }
    if prefix.len() < envelope.head_end {
        let needed = envelope.head_end;
        return Some(Head::Short { needed });
    }
    Some(Head::Whole {
        framed: framed(full_key, &envelope, prefix)?,
        body: envelope.end - envelope.head_end,
        frame: envelope.end,
    })
}

fn framed(full_key: &[u8], envelope: &FrameHeader, frame: &Bytes) -> Option<Decoded> {
    let head = envelope.head(frame)?;
    let mut head = Reader::new(&head);
    if head.bytes()? != full_key {
        return None;
    }
    let framed = match envelope.kind {
        Kind::Response => {
            let about = metadata::read(&mut head)?;
            Decoded::Response(Box::new(head::read(&mut head)?), about)
        }
        Kind::Names if envelope.end != envelope.head_end => return None,
        Kind::Names => Decoded::Names(NameList {
            id: metadata::nonce(&mut head)?,
            names: vary::read(&mut head)?,
        }),
    };
    head.end(framed)
}
