//! Several parts of one body as `multipart/byteranges` (RFC 9110 §14.6).

use crate::http::range;
use actix_web::{
    body::{BodySize, MessageBody},
    http::header::HeaderValue,
    web::Bytes,
};
use std::{
    collections::hash_map::RandomState,
    convert::Infallible,
    hash::BuildHasher,
    ops::Range,
    pin::Pin,
    task::{Context, Poll},
    vec,
};

/// The media type and body of `parts` of `whole`, whose own media type is `media`.
///
/// `None` where the parts with their heads would be longer than the whole.
pub(crate) fn of(
    whole: &Bytes,
    media: Option<&HeaderValue>,
    parts: &[Range<usize>],
) -> Option<(HeaderValue, Pieces)> {
    let boundary = boundary();
    let mut pieces = Vec::with_capacity(2 * parts.len() + 1);
    for part in parts {
        pieces.push(head(&boundary, media, part, whole.len()));
        pieces.push(whole.slice(part.clone()));
    }
    pieces.push(Bytes::from(format!("\r\n--{boundary}--\r\n")));
    let length: usize = pieces.iter().map(Bytes::len).sum();
    if length > whole.len() {
        return None;
    }
    let media = format!("multipart/byteranges; boundary={boundary}");
    let pieces = Pieces {
        left: pieces.into_iter(),
        length: length as u64,
    };
    Some((HeaderValue::from_str(&media).ok()?, pieces))
}

fn head(boundary: &str, media: Option<&HeaderValue>, part: &Range<usize>, length: usize) -> Bytes {
    let mut head = format!("\r\n--{boundary}\r\n").into_bytes();
    if let Some(media) = media {
        head.extend_from_slice(b"Content-Type: ");
        head.extend_from_slice(media.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    let place = range::content_range(part, length);
    head.extend_from_slice(format!("Content-Range: {place}\r\n\r\n").as_bytes());
    head.into()
}

/// 128 random bits, so that no body contains them.
fn boundary() -> String {
    let random = RandomState::new();
    format!("{:016x}{:016x}", random.hash_one(0), random.hash_one(1))
}

/// A body of pieces; those of the stored body are not copied.
#[derive(Debug)]
pub(crate) struct Pieces {
    left: vec::IntoIter<Bytes>,
    length: u64,
}

impl MessageBody for Pieces {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.length)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(self.left.next().map(Ok))
    }
}
