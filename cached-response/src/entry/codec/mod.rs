//! Binary format of a stored response, or of a vary list, in a remote store.
//!
//! An entry of a store may be cut, altered or foreign: the reader verifies everything, and a doubtful
//! frame is a miss. Numbers are big-endian.
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
//! | .. | the head: the full key, and what [`head`] writes: metadata and head, or the id of a list and its names |
//! | .. | the body, last: it is not copied when it is read |
//!
//! A checksum detects damage, not forgery: a client that may write to the store may replace any
//! response.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub(crate) mod head;
pub(crate) mod io;

#[cfg(test)]
mod tests;

use self::{
    head::Metadata,
    io::{FrameHeader, FrameKind, Reader, Writer},
};
use crate::{entry::StoredResponse, invalidation::nonce::Nonce, key::vary::Selector};
use actix_web::web::Bytes;

/// The selectors of the variants of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameList {
    /// Part of every variant's key: without the list, its variants are not found.
    pub(crate) id: Nonce,
    pub(crate) names: Vec<Selector>,
}

/// Content of a frame.
///
/// Fields of a response that have a meaning in one process only are not written and have their
/// defaults: creation, run and snapshots. The validators are those in the headers.
#[derive(Debug)]
pub(crate) enum Decoded {
    Response(Box<StoredResponse>, Metadata),
    Names(NameList),
}

/// Result of reading the start of a frame.
#[cfg_attr(
    not(any(test, fuzzing)),
    expect(dead_code, reason = "the lengths are what tests ask for")
)]
#[derive(Debug)]
pub(crate) enum Head {
    /// The head needs so many bytes. The number is unverified and may be any.
    Short { needed: usize },
    /// The body of a response is left empty.
    Whole {
        decoded: Decoded,
        body: usize,
        frame: usize,
    },
}

/// Writes a response. `None` where it is too long, or depends on a value of this process only.
pub(crate) fn response(
    full_key: &[u8],
    stored: &StoredResponse,
    metadata: &Metadata,
) -> Option<Bytes> {
    let mut frame = Writer::with_capacity(full_key.len() + stored.weight() + 512);
    frame.bytes(full_key)?;
    head::write_metadata(metadata, &mut frame)?;
    head::write(stored, &mut frame)?;
    frame.seal(FrameKind::Response, &stored.body)
}

/// Writes a list of selectors. `None` where one of them exists in this process only.
pub(crate) fn names(full_key: &[u8], list: &NameList) -> Option<Bytes> {
    let mut frame = Writer::with_capacity(full_key.len() + 512);
    frame.bytes(full_key)?;
    frame.plain(list.id.as_bytes());
    head::write_names(&list.names, &mut frame)?;
    frame.seal(FrameKind::Names, &[])
}

/// Reads a frame of this full key. `None` for anything else.
pub(crate) fn read(full_key: &[u8], frame: &Bytes) -> Option<Decoded> {
    let header = FrameHeader::read(frame)?;
    if frame.len() != header.end {
        return None;
    }
    let mut decoded = decode(full_key, &header, frame)?;
    let body = header.body(frame)?;
    if let Decoded::Response(stored, _) = &mut decoded {
        stored.body = body;
    }
    Some(decoded)
}

/// Reads the head of a frame of this full key, of which `prefix` is the start or all. `None` for
/// anything else.
pub(crate) fn read_head(full_key: &[u8], prefix: &Bytes) -> Option<Head> {
    if prefix.len() < io::HEADER_SIZE {
        let needed = io::HEADER_SIZE;
        return io::is_prefix(prefix).then_some(Head::Short { needed });
    }
    let header = FrameHeader::read(prefix)?;
    if prefix.len() > header.end {
        return None;
    }
    if prefix.len() < header.head_end {
        let needed = header.head_end;
        return Some(Head::Short { needed });
    }
    Some(Head::Whole {
        decoded: decode(full_key, &header, prefix)?,
        body: header.end - header.head_end,
        frame: header.end,
    })
}

fn decode(full_key: &[u8], header: &FrameHeader, frame: &Bytes) -> Option<Decoded> {
    let head = header.head(frame)?;
    let mut head = Reader::new(&head);
    if head.bytes()? != full_key {
        return None;
    }
    let decoded = match header.kind {
        FrameKind::Response => {
            let metadata = head::read_metadata(&mut head)?;
            Decoded::Response(Box::new(head::read(&mut head)?), metadata)
        }
        FrameKind::Names if header.end != header.head_end => return None,
        FrameKind::Names => Decoded::Names(NameList {
            id: head::nonce(&mut head)?,
            names: head::read_names(&mut head)?,
        }),
    };
    head.end(decoded)
}
